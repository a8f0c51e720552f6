/**
 * The platform's SHA-256, for places where hash-wasm cannot go: a strict policy, or a page that has lost its worker.
 */

/**
 * Returns a function from text to the hex of its SHA-256, or of its HMAC-SHA-256 under the secret.
 * @throws TypeError where the platform has no `crypto.subtle` (an insecure context)
 */
export async function createSubtleDigest(secret: string | undefined): Promise<(text: string) => Promise<string>> {
  const subtle = crypto.subtle;
  if (subtle === undefined) throw new TypeError('crypto.subtle is missing: this context is not secure');
  const encoder = new TextEncoder();
  if (secret === undefined) return async (text) => toHex(await subtle.digest('SHA-256', encoder.encode(text)));
  const key = await subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return async (text) => toHex(await subtle.sign('HMAC', key, encoder.encode(text)));
}

function toHex(buffer: ArrayBuffer): string {
  let hex = '';
  for (const byte of new Uint8Array(buffer)) hex += byte.toString(16).padStart(2, '0');
  return hex;
}
