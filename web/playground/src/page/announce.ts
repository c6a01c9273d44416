/** Tells screen readers a new result, once typing has paused. */

export function announcer(region: HTMLElement): (text: string) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (region.textContent !== text) region.textContent = text;
    }, PAUSE);
  };
}

/** In milliseconds. */
const PAUSE = 700;
