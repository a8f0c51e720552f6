/** Returns the defaults, overridden by what was given and is not undefined. */
export function withDefaults<Values extends object>(
  given: { readonly [Name in keyof Values]?: Values[Name] | undefined } | undefined,
  defaults: Values,
): Values {
  const defined = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(defined) };
}
