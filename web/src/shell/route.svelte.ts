// The address bar is the state: path and query say what is shown, links and selections write them, back and forward go through them.

class Route {
  path = $state(location.pathname);
  search = $state(location.search);

  constructor() {
    addEventListener('popstate', () => this.#read());
    document.addEventListener('click', (event) => this.#follow(event));
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.search);
  }

  get parts(): string[] {
    return this.path.split('/').filter(Boolean).map(decode);
  }

  go(href: string, options: { replace?: boolean; keep_scroll?: boolean } = {}): void {
    const same_page = new URL(href, location.href).pathname === location.pathname;
    if (options.replace) history.replaceState(null, '', href);
    else history.pushState(null, '', href);
    this.#read();
    if (!options.keep_scroll && !same_page) {
      scrollTo(0, 0);
      // The reader of a screen reader is told of the new page; the keyboard starts at its head.
      requestAnimationFrame(() => document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }));
    }
  }

  /** The present address with some parameters changed; null takes one away. */
  with(changes: Record<string, string | string[] | null>): string {
    const query = this.query;
    for (const [name, value] of Object.entries(changes)) {
      query.delete(name);
      if (value === null) continue;
      for (const one of Array.isArray(value) ? value : [value]) query.append(name, one);
    }
    const text = query.toString();
    return this.path + (text ? `?${text}` : '');
  }

  set(changes: Record<string, string | string[] | null>, options: { replace?: boolean } = {}): void {
    this.go(this.with(changes), { ...options, keep_scroll: true });
  }

  #read(): void {
    this.path = location.pathname;
    this.search = location.search;
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a[href]');
    if (!link || link.hasAttribute('download') || link.hasAttribute('target')) return;
    const href = link.getAttribute('href') ?? '';
    if (!href.startsWith('/') || href.startsWith('/api/') || href.startsWith('/metrics')) return;
    event.preventDefault();
    this.go(href, { keep_scroll: link.hasAttribute('data-keep-scroll') });
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = new Route();

/** A link with parameters; empty ones are left out. */
export function link(path: string, params: Record<string, string | string[] | number | null | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return path + (text ? `?${text}` : '');
}

export const view_link = (name: string, params: Parameters<typeof link>[1] = {}) => link(`/views/${encodeURIComponent(name)}`, params);
export const topic_link = (name: string, tab = 'messages', params: Parameters<typeof link>[1] = {}) =>
  link(`/topics/${encodeURIComponent(name)}/${tab}`, params);
export const group_link = (name: string) => `/groups/${encodeURIComponent(name)}`;
export const query_link = (name: string) => `/queries/${encodeURIComponent(name)}`;
