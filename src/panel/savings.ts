/**
 * What was not asked of the origin, what was, and what both come to at a price that the person can change.
 *
 * The cache counts money as it comes, at the price of the time. Whoever types a price wants to know what all of it would
 * be worth, so that is what the table says, and below it what was counted, where that is something else.
 */
import type { CacheStats, PriceConfig, Savings } from '../../core/protocol/values';
import { messageOf } from './actions';
import { card, columns, element, field, setAttribute, setText, setTexts, statusLine } from './dom';
import { formatCount, formatMoment, formatMoney, formatTime } from './format';
import type { PanelSource } from './panel-source';
import type { PanelView } from './panel-view';

const LABELS = ['requests', 'characters', 'time', 'money'];

/** Creates the view. */
export function createSavings(cache: PanelSource): PanelView {
  const rows = LABELS.map((label) => {
    const cells = [element('td'), element('td')];
    return { root: element('tr', {}, element('th', { scope: 'row' }, label), ...cells), cells };
  });
  const table = columns(['amount', 'saved', 'spent'], element('tbody', {}, ...rows.map(({ root }) => root)));
  const price = element('input', { type: 'number', min: '0', step: 'any', inputmode: 'decimal', placeholder: '0.015' });
  const currency = element('input', { type: 'text', maxlength: '3', spellcheck: 'false', autocomplete: 'off' });
  currency.value = 'USD';
  const status = statusLine();
  const counted = element('p', { class: 'note' });
  const budget = element('p', { class: 'note' });
  const meter = element('meter', { 'aria-label': 'Budget used', min: '0' });
  const form = element('div', { class: 'fields' }, field('per 1,000 characters', price), field('currency', currency));
  form.hidden = !cache.configure;
  price.onchange = apply;
  currency.onchange = apply;

  async function apply(): Promise<void> {
    const perThousandCharacters = price.valueAsNumber;
    if (Number.isNaN(perThousandCharacters)) return setText(status, 'A price is a number, such as 0.015.');
    const next = { perThousandCharacters, currency: currency.value.trim().toUpperCase() };
    try {
      await cache.configure?.({ price: next });
      setText(status, '');
    } catch (error) {
      setText(status, messageOf(error));
    }
  }

  /** What is being typed is the person's. */
  function showPrice({ config }: CacheStats): void {
    const focused = (form.getRootNode() as ShadowRoot).activeElement;
    if (!config.price || focused === price || focused === currency || status.textContent) return;
    price.value = `${config.price.perThousandCharacters}`;
    currency.value = config.price.currency;
  }

  function showBudget({ performance: { budget: state }, config }: CacheStats): void {
    meter.hidden = !state;
    if (!state) {
      setText(budget, '');
      return;
    }
    const { limit, spent, periodEndsAtMs, isExceeded } = state;
    setAttribute(meter, 'max', `${Math.max(Number.MIN_VALUE, limit)}`);
    setAttribute(meter, 'value', `${spent}`);
    const consequence =
      config.budget?.whenExceeded === 'refuse' ? 'nothing more is synthesized until then' : 'only a warning';
    const unit = config.price?.currency ?? 'USD';
    const shown = `${formatMoney(spent, unit)} of ${formatMoney(limit, unit)} until ${formatMoment(periodEndsAtMs)}`;
    setText(budget, `Budget: ${shown}${isExceeded ? ` · used up: ${consequence}` : ''}`);
  }

  return {
    root: card('saved', 'Saved and spent', table, counted, form, status, meter, budget),
    update: (stats) => {
      const { saved, spent } = stats.performance;
      const { price: set } = stats.config;
      const [savedTexts, spentTexts] = [textsOf(saved, set), textsOf(spent, set)];
      for (const [index, { cells }] of rows.entries()) {
        setTexts(cells, [savedTexts[index] ?? '', spentTexts[index] ?? '']);
      }
      setText(counted, set ? describeCounted(saved, spent, set) : '');
      showPrice(stats);
      showBudget(stats);
    },
  };
}

/** In the order of `LABELS`. */
function textsOf(amounts: Savings, price: PriceConfig | undefined): string[] {
  const { requests, characters, synthesisMs } = amounts;
  const money = price ? formatMoney(worthOf(amounts, price), price.currency) : '–';
  return [formatCount(requests), formatCount(characters), synthesisMs ? formatTime(synthesisMs) : '0 s', money];
}

function worthOf({ characters }: Savings, { perThousandCharacters }: PriceConfig): number {
  return (characters / 1000) * perThousandCharacters;
}

function describeCounted(saved: Savings, spent: Savings, price: PriceConfig): string {
  const isSame = [saved, spent].every(
    (amounts) =>
      formatMoney(amounts.cost ?? 0, price.currency) === formatMoney(worthOf(amounts, price), price.currency),
  );
  if (isSame) return '';
  const [savedCost, spentCost] = [saved, spent].map(({ cost = 0 }) => formatMoney(cost, price.currency));
  return `Counted so far, at the prices of the time: ${savedCost} saved, ${spentCost} spent.`;
}
