/** The worker's end of the floor (`floor.ts`). */

/**
 * From now on keeps every ArrayBuffer this worker is sent, and answers a number with a copy of the one it counts to, or
 * with an empty one.
 */
export function answerFloor(): void {
  const held: ArrayBuffer[] = [];
  addEventListener('message', (event: MessageEvent<unknown>) => {
    const { data } = event;
    if (data instanceof ArrayBuffer) {
      event.stopImmediatePropagation();
      held.push(data);
    } else if (typeof data === 'number') {
      event.stopImmediatePropagation();
      const bytes = held[data]?.slice(0) ?? new ArrayBuffer(0);
      postMessage(bytes, { transfer: [bytes] });
    }
  });
}
