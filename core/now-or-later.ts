/**
 * Values that are there already, most of the time.
 *
 * A hit is answered without waiting for anything, if nothing has to be waited for: each promise on its way costs a
 * microsecond or two, and where all are async functions there are a dozen.
 */

/** A value, or the promise of one. */
export type NowOrLater<Value> = Value | Promise<Value>;

/** Goes on with a value: at once if it is there. */
export function proceed<Value, Result>(
  value: NowOrLater<Value>,
  next: (value: Value) => NowOrLater<Result>,
): NowOrLater<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}
