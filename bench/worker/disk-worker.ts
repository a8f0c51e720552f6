/** The worker of the disk benchmarks: measures what needs no page, each when it is asked for. */
import { expose } from 'comlink';
import type { DiskTasks } from '../disk-tasks';
import { measureBulk } from './bulk';
import { measureListing } from './listing';
import { measureOpen, OpenedStore } from './open';
import { measureRead } from './read';
import { measureScale } from './scale';

const opened = new OpenedStore();

expose({
  measureRead,
  measureScale,
  measureBulk,
  measureListing,
  measureOpen,
  fill: (name, entries) => opened.fill(name, entries),
  openAndRead: (name, entries) => opened.openAndRead(name, entries),
  change: (entries) => opened.change(entries),
  close: () => opened.close(),
} satisfies DiskTasks);
