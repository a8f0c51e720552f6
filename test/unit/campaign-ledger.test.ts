import { describe, expect, test } from 'vitest';
import { CampaignLedger, seededRandom } from '../../scripts/campaign-ledger.mjs';

/** A ledger of one phrase, whose operations are all puts, with its first version acknowledged. */
function ledgerOfOne(maxBytes?: number) {
  const options = { random: seededRandom(1), phrases: 1, puts: 'relaxed' } as const;
  const ledger = new CampaignLedger(maxBytes === undefined ? options : { ...options, maxBytes });
  ledger.acknowledge(ledger.next());
  return ledger;
}

describe('what a browser left when it was killed', () => {
  test('is right when the phrase is as it was acknowledged', () => {
    expect(ledgerOfOne().judge([{ id: 0, version: 1, isIntact: true }])).toMatchObject({
      kept: 1,
      lost: 0,
      corrupt: 0,
    });
  });

  test('is right when an operation under way took place, and when it did not', () => {
    for (const version of [1, 2]) {
      const ledger = ledgerOfOne();
      ledger.next();
      expect(ledger.judge([{ id: 0, version, isIntact: true }])).toMatchObject({ kept: 1, lost: 0 });
    }
  });

  test('is a loss when an acknowledged phrase is missing, older than acknowledged, or was not read back', () => {
    expect(ledgerOfOne().judge([{ id: 0 }])).toMatchObject({ lost: 1 });
    const replaced = ledgerOfOne();
    replaced.acknowledge(replaced.next());
    expect(replaced.judge([{ id: 0, version: 1, isIntact: true }])).toMatchObject({ lost: 1 });
    expect(ledgerOfOne().judge([])).toMatchObject({ lost: 1 });
  });

  test('is a loss when a deleted phrase is back', () => {
    const ledger = new CampaignLedger({ random: seededRandom(1), phrases: 1 });
    let operation = ledger.next();
    while (operation.kind === 'put') {
      ledger.acknowledge(operation);
      operation = ledger.next();
    }
    ledger.acknowledge(operation);
    const { version } = operation;
    expect(ledger.judge([{ id: 0, version: version - 1, isIntact: true }])).toMatchObject({ lost: 1 });
  });

  test('is corrupt when the bytes are not those of the version', () => {
    expect(ledgerOfOne().judge([{ id: 0, version: 1, isIntact: false }])).toMatchObject({ corrupt: 1 });
  });

  test('may be missing where entries were evicted', () => {
    const ledger = ledgerOfOne(1_000);
    ledger.noteEvicted(1);
    expect(ledger.judge([{ id: 0 }])).toMatchObject({ gone: 1, lost: 0 });
  });

  test('may be missing beyond what was told of only while the cache is as full as eviction leaves it', () => {
    const judge = (bytesOnDisk: number) => {
      const ledger = new CampaignLedger({ random: seededRandom(1), phrases: 60, puts: 'relaxed', maxBytes: 1_000 });
      while (ledger.ids.length < 60) ledger.acknowledge(ledger.next());
      return ledger.judge(
        ledger.ids.map((id) => ({ id })),
        bytesOnDisk,
      );
    };
    expect(judge(699)).toMatchObject({ gone: 50, untold: 0, lost: 10 });
    expect(judge(700)).toMatchObject({ gone: 60, untold: 10, lost: 0 });
  });

  test('is a loss all the same when what is there is older than acknowledged', () => {
    const ledger = ledgerOfOne(1_000);
    ledger.acknowledge(ledger.next());
    ledger.noteEvicted(1);
    expect(ledger.judge([{ id: 0, version: 1, isIntact: true }])).toMatchObject({ gone: 0, lost: 1 });
  });

  test('is what counts from then on', () => {
    const ledger = ledgerOfOne();
    const late = ledger.next();
    ledger.judge([{ id: 0, version: 1, isIntact: true }]);
    // The dead browser's last word, read after its death.
    ledger.acknowledge(late);
    expect(ledger.judge([{ id: 0, version: 1, isIntact: true }])).toMatchObject({ kept: 1, lost: 0 });
  });
});
