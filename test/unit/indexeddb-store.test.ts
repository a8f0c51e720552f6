import 'fake-indexeddb/auto';
import { openIndexedDbStore } from '../../worker/indexeddb-store';
import { describeStoreContract } from '../store-contract';

describeStoreContract('IndexedDbStore', (place, clock) => openIndexedDbStore({ name: place, clock }), {
  severalWriters: true,
});
