/** The store contract on a real IndexedDB, of which every engine has its own. */
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { describeStoreContract } from '../store-contract';

describeStoreContract('IndexedDbStore', (place, clock) => openIndexedDbStore({ name: place, clock }), {
  severalWriters: true,
});
