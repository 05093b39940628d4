import { describe, expect, it } from 'vitest';
import { Http2Budget } from '../../../src/proxy/http2-budget.ts';

describe('the budget of a connection', () => {
  it('takes 150 pieces of mischief in one breath, warns up to 199, and ends with the 200th', () => {
    const budget = new Http2Budget(false, 0);
    const verdicts = Array.from({ length: 200 }, () => budget.spend(0));
    expect(verdicts.indexOf('enough')).toBe(149);
    expect(verdicts.indexOf('too_much')).toBe(199);
  });

  it('never ends for 20 a second, and does for 40', () => {
    const judge = (perSecond: number) => {
      const budget = new Http2Budget(false, 0);
      for (let i = 1; i <= 100 * perSecond; i++) {
        const verdict = budget.spend((i * 1_000) / perSecond);
        if (verdict !== 'fine') return verdict;
      }
      return 'fine';
    };
    expect(judge(19)).toBe('fine');
    expect(judge(40)).toBe('enough');
  });

  it('is ten times as large for a trusted proxy, which speaks for many', () => {
    const budget = new Http2Budget(true, 0);
    const verdicts = Array.from({ length: 2_000 }, () => budget.spend(0));
    expect(verdicts.indexOf('enough')).toBe(1_499);
    expect(verdicts.indexOf('too_much')).toBe(1_999);
  });

  it('lets answers pay for frames that ask for nothing', () => {
    const budget = new Http2Budget(false, 0);
    for (let i = 0; i < 10_000; i++) {
      budget.earn();
      expect(budget.spendIdle(0)).toBe('fine');
    }
  });

  it('forgives a hundred of those in advance, and not many more, however much was earned', () => {
    const budget = new Http2Budget(false, 0);
    for (let i = 0; i < 10_000; i++) budget.earn();
    const verdicts = Array.from({ length: 400 }, () => budget.spendIdle(0));
    expect(verdicts.indexOf('enough')).toBe(249);
    expect(verdicts.indexOf('too_much')).toBe(299);
  });
});
