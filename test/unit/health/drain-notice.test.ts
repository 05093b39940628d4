import { describe, expect, it } from 'vitest';
import { DrainNotice } from '../../../src/health/drain-notice.ts';

describe('a drain notice', () => {
  it('by a probe stands until a probe passes without it', () => {
    const notice = new DrainNotice();
    notice.hearProbe(true, false);
    expect(notice.sourceAt(1e9)).toBe('probe');
    notice.hearProbe(false, true);
    expect(notice.sourceAt(1e9)).toBeNull();
  });

  it('by a probe is not taken back by a probe that fails: the process may be gone', () => {
    const notice = new DrainNotice();
    notice.hearProbe(true, true);
    notice.hearProbe(false, false);
    expect(notice.sourceAt(0)).toBe('probe');
  });

  it('by an answer to a request stands for half a minute from the last one', () => {
    const notice = new DrainNotice();
    notice.hearAnswer(1_000);
    notice.hearAnswer(5_000);
    expect(notice.deadline).toBe(35_000);
    expect(notice.sourceAt(34_999)).toBe('outcomes');
    expect(notice.sourceAt(35_000)).toBeNull();
  });

  it('by an answer is not taken back by a probe', () => {
    const notice = new DrainNotice();
    notice.hearAnswer(0);
    notice.hearProbe(false, true);
    expect(notice.sourceAt(1)).toBe('outcomes');
  });

  it('is void for a new process', () => {
    const notice = new DrainNotice();
    notice.hearAnswer(0);
    notice.hearProbe(true, false);
    notice.clear();
    expect(notice.sourceAt(1)).toBeNull();
  });
});
