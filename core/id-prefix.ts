/** Begins ids that nobody else in reach makes: 48 random bits. `random` is uniform in [0, 1). */
export function createIdPrefix(random: () => number): string {
  return Math.floor(random() * 2 ** 48).toString(36);
}
