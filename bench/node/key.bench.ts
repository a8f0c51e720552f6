/** Question: what does the key of a spec of 60 characters cost, from spec to `v1_…`? */
import { createHash, createHmac } from 'node:crypto';
import { canonicalizeSpec, keyFromDigest } from '../../core/key';
import { measureBatches } from '../batches';
import { createCanonicalSubject, createKeySubjects, DEFAULT_SUBJECT, type KeySubject, SECRET } from '../key-subjects';
import { seededRandom } from '../seeded-random';
import { rounded } from '../statistics';
import { judge } from '../targets';
import { publish } from './results-file';

const LIMIT_US = 5;
const BASELINE = 'node:crypto, of the same canonical string';

const keySubjects = await createKeySubjects();
for (const subject of keySubjects) await verify(subject);

const specs = keySubjects.find(({ name }) => name === DEFAULT_SUBJECT)?.specs ?? [];
const canonicals = specs.map((spec) => canonicalizeSpec(spec));
const baseline = {
  name: BASELINE,
  operations: canonicals.length,
  run: () => {
    for (const canonical of canonicals) keyFromDigest(createHash('sha256').update(canonical).digest('hex'));
  },
};
const subjects = [...keySubjects, createCanonicalSubject(specs), baseline];

const times = await measureBatches(subjects, { rounds: 101, warmUpRounds: 20, random: seededRandom(1) });
const rows = subjects.map(({ name }) => ({
  name,
  microseconds: rounded(times.microseconds(name)),
  timesBaseline: rounded(times.ratio(name, BASELINE).ratio),
}));
publish('key', { key: rows }, [
  judge(`µs for the key of a ${DEFAULT_SUBJECT}`, times.microseconds(DEFAULT_SUBJECT), LIMIT_US),
]);

/** Every key must be what another implementation of SHA-256 and HMAC says. */
async function verify({ name, specs, hashing, keyOf }: KeySubject): Promise<void> {
  for (const spec of specs) {
    const hash = hashing.keySecret === undefined ? createHash('sha256') : createHmac('sha256', SECRET);
    const expected = `v1_${hash.update(canonicalizeSpec(spec)).digest('hex')}`;
    if ((await keyOf(spec)) !== expected) throw new Error(`Wrong key: ${name}`);
  }
}
