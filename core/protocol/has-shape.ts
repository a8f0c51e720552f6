import { isObject } from './is-object';

/**
 * Whether a value has every field of an example, of the same type and numbers that are numbers, down to the ground. What
 * is undefined in the example may be anything; a list is to hold only what is like the first of the example's, if any.
 */
export function hasShapeOf(value: unknown, example: unknown): boolean {
  if (example === undefined) return true;
  if (!isObject(example)) return typeof value === typeof example && !Number.isNaN(value);
  if (!isObject(value) || Array.isArray(value) !== Array.isArray(example)) return false;
  if (Array.isArray(value)) return value.every((member) => hasShapeOf(member, example[0]));
  return Object.entries(example).every(([name, member]) => hasShapeOf(value[name], member));
}
