/**
 * Calls a listener of the app. What it throws is reported as an uncaught error is, and stops neither the cache nor the
 * other listeners.
 */
export function callSafely<Argument extends unknown[]>(
  listener: (...given: Argument) => void,
  ...given: Argument
): void {
  try {
    listener(...given);
  } catch (error) {
    reportError(error);
  }
}
