/** When an entry ends after a use. */
export function endAfter(beforeMs: number, expiresAtMs: number | undefined, isExtension: boolean): number {
  if (expiresAtMs === undefined) return beforeMs;
  return isExtension ? Math.max(beforeMs, expiresAtMs) : expiresAtMs;
}
