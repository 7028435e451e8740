// Which rung of the ladder comes next: by how fast segments arrive, and how much is waiting to be shown.

/** Bits a second, as two moving averages over what was loaded: a quick one that sees trouble, a slow one that is not fooled. */
export class Meter {
  #averages = [{ halfLife: 2, sum: 0, weight: 0 }, { halfLife: 8, sum: 0, weight: 0 }];

  /** - Parameter first: what is assumed before anything was measured. */
  constructor(first = 2e6) { this.first = first; }

  note(bytes, seconds) {
    // Small answers tell of the way there and back, not of the rate.
    if (bytes < 8192 || seconds <= 0) return;
    const rate = (8 * bytes) / seconds;
    for (const average of this.#averages) {
      const kept = 0.5 ** (Math.max(seconds, 0.25) / average.halfLife);
      average.sum = kept * average.sum + (1 - kept) * rate;
      average.weight = kept * average.weight + (1 - kept);
    }
  }

  get rate() {
    const known = this.#averages.filter(({ weight }) => weight > 0).map(({ sum, weight }) => sum / weight);
    return known.length ? Math.min(...known) : this.first;
  }
}

/**
 * The place of the rung to load next.
 * rungs: from the lowest to the highest, each with its bandwidth. current: the place of the last one, or -1.
 * ahead: seconds that are loaded and not yet shown.
 */
export function chooseRung(rungs, current, rate, ahead) {
  // With little in store a wrong guess stops the film; with much of it there is time to correct one.
  const share = ahead < 5 ? 0.6 : ahead < 15 ? 0.8 : 0.95;
  let wanted = 0;
  for (let place = 1; place < rungs.length; place++) if (rungs[place].bandwidth <= rate * share) wanted = place;
  if (current < 0) return wanted;
  // Up one rung at a time and not from an empty store; down only where the store would not last.
  if (wanted > current) return ahead < 8 ? current : current + 1;
  if (wanted < current && ahead > 20 && rungs[current].bandwidth <= rate * 1.2) return current;
  return wanted;
}
