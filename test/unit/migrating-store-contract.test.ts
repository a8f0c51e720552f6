/**
 * The store contract over a log with a database beside it. Time stands still in it, so every file's name is too young
 * for ever and whatever is flushed lies in both.
 */
import { seededRandom } from '../../bench/seeded-random';
import { openLogStore } from '../../core/storage/log-store';
import { openMigratingStore } from '../../worker/migrating-store';
import { EarlierDatabaseFixture } from '../earlier-database-fixture';
import { FaultDirectory } from '../fault-directory';
import { hashing, SMALL_MAX_BYTES } from '../log-store-fixture';
import { describeStoreContract, type OpenStore } from '../store-contract';

const directoryByPlace = new Map<string, FaultDirectory>();
const databaseByPlace = new Map<string, EarlierDatabaseFixture>();

const openStore: OpenStore = async (place, clock) => {
  const directory = directoryByPlace.get(place) ?? new FaultDirectory({ clock });
  const database = databaseByPlace.get(place) ?? new EarlierDatabaseFixture();
  directoryByPlace.set(place, directory);
  databaseByPlace.set(place, database);
  const maxBytes = SMALL_MAX_BYTES;
  const log = await openLogStore({ directory, clock, hashing, random: seededRandom(1), maxBytes });
  const earlierStore = await database.openExisting();
  return openMigratingStore({ log, database, earlierStore, clock, maxSuperfluousBytes: 1_000_000 });
};

describeStoreContract('A migrating store', openStore, { severalWriters: false });
