// Marks what is wider than its place: `data-more` of a `.scroll-x` says to which side there is more, and the sheet of styles fades it there.

/** Watches all there is and will be within `root`, until the function that it gives is called. */
export function mark_scrollers(root: HTMLElement): () => void {
  const known = new Set<HTMLElement>();
  const sizes = new ResizeObserver((entries) => {
    for (const scroller of new Set(entries.map(({ target }) => target.closest<HTMLElement>('.scroll-x')))) if (scroller) mark(scroller);
  });

  function find(): void {
    for (const scroller of known) if (!scroller.isConnected) forget(scroller);
    for (const scroller of root.querySelectorAll<HTMLElement>('.scroll-x')) {
      known.add(scroller);
      // Of a table that grows its scroller does not. To observe the same again changes nothing.
      for (const one of [scroller, ...scroller.children]) sizes.observe(one);
    }
  }
  function forget(scroller: HTMLElement): void {
    known.delete(scroller);
    for (const one of [scroller, ...scroller.children]) sizes.unobserve(one);
  }
  function hear(event: Event): void {
    if (event.target instanceof HTMLElement && known.has(event.target)) mark(event.target);
  }

  const children = new MutationObserver(find);
  children.observe(root, { childList: true, subtree: true });
  root.addEventListener('scroll', hear, { capture: true, passive: true });
  find();
  return () => {
    children.disconnect();
    sizes.disconnect();
    root.removeEventListener('scroll', hear, { capture: true });
  };
}

function mark(scroller: HTMLElement): void {
  const sides = sides_with_more(scroller.scrollLeft, scroller.clientWidth, scroller.scrollWidth);
  if (scroller.dataset.more !== sides) scroller.dataset.more = sides;
}

/** `left`, `right`, `left right` or nothing. A pixel is rounding and no content. */
export function sides_with_more(at: number, width: number, whole: number): string {
  return [at > 1 ? 'left' : '', at + width < whole - 1 ? 'right' : ''].filter(Boolean).join(' ');
}
