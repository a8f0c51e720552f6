import { MemoryDisk, MemoryStore } from '../memory-store';
import { describeStoreContract } from '../store-contract';

const diskByPlace = new Map<string, MemoryDisk>();

describeStoreContract(
  'The store that tests of the tiers use',
  async (place) => {
    const disk = diskByPlace.get(place) ?? new MemoryDisk();
    diskByPlace.set(place, disk);
    return new MemoryStore(disk);
  },
  { severalWriters: true },
);
