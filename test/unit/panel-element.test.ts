import { expect, it } from 'vitest';

it('can be imported where there is no DOM', async () => {
  expect(globalThis.HTMLElement).toBeUndefined();
  await expect(import('../../src/panel/index')).resolves.toHaveProperty('AudioCachePanel');
});
