/** The worker's end of the floor (`../browser/floor.ts`). */

import { END_OF_WRITES, type FloorWrite } from '../floor-messages';

const FILE_NAME = 'floor.bin';

/**
 * From now on keeps every ArrayBuffer this worker is sent, answers a number with a copy of the one it counts to, or with an
 * empty one, and writes what it is told to write to the end of one open file.
 */
export function answerFloor(): void {
  const held: ArrayBuffer[] = [];
  let file: FileSystemSyncAccessHandle | undefined;
  let endBytes = 0;
  const answer = (bytes: ArrayBuffer) => postMessage(bytes, { transfer: [bytes] });
  addEventListener('message', async (event: MessageEvent<unknown>) => {
    const { data } = event;
    if (data instanceof ArrayBuffer) {
      event.stopImmediatePropagation();
      held.push(data);
    } else if (typeof data === 'number') {
      event.stopImmediatePropagation();
      answer(held[data]?.slice(0) ?? new ArrayBuffer(0));
    } else if (isFloorWrite(data)) {
      event.stopImmediatePropagation();
      file ??= await openFile();
      endBytes += file.write(new Uint8Array(data.floorWrite), { at: endBytes });
      answer(new ArrayBuffer(0));
    } else if (data === END_OF_WRITES) {
      event.stopImmediatePropagation();
      file?.close();
      file = undefined;
      await (await navigator.storage.getDirectory()).removeEntry(FILE_NAME).catch(() => {});
      answer(new ArrayBuffer(0));
    }
  });
}

function isFloorWrite(data: unknown): data is FloorWrite {
  return typeof data === 'object' && data !== null && 'floorWrite' in data;
}

async function openFile(): Promise<FileSystemSyncAccessHandle> {
  const root = await navigator.storage.getDirectory();
  const handle = await root.getFileHandle(FILE_NAME, { create: true });
  return handle.createSyncAccessHandle();
}
