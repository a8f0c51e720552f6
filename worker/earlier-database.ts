/**
 * IndexedDB databases as a whole: whether one is there, opening the store on it, deleting it. Looking creates none.
 */
import { deleteDB } from 'idb';
import type { Clock } from '../core/clock';
import type { EarlierDatabase } from './earlier-entries';
import { openIndexedDbStore } from './indexeddb-store';

/** The database of that name, as the place of entries beside a log. */
export function earlierDatabase(name: string, clock: Clock): EarlierDatabase {
  const open = () => openIndexedDbStore({ name, clock });
  return {
    openExisting: async () => {
      const names = await databaseNames().catch(() => [name]);
      return names.includes(name) ? open().catch(() => undefined) : undefined;
    },
    open,
    delete: () => deleteDatabase(name),
  };
}

/**
 * Names all databases of this origin.
 * @throws whatever the platform says where it cannot tell: a TypeError in Firefox before 126
 */
export async function databaseNames(): Promise<readonly string[]> {
  return (await indexedDB.databases()).flatMap(({ name }) => name ?? []);
}

/** Deletes a database; resolves also when others have it open, and it goes with the last of them. */
export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    deleteDB(name, { blocked: () => resolve() }).then(resolve, reject);
  });
}
