// Light, dark, or as the machine has it. The choice is kept in the browser.

type Choice = 'auto' | 'light' | 'dark';
const KEPT_AS = 'millrace.theme';
const NEXT: Record<Choice, Choice> = { auto: 'light', light: 'dark', dark: 'auto' };

class Theme {
  choice = $state<Choice>(read_choice());
  #machine = matchMedia('(prefers-color-scheme: dark)');
  #machine_dark = $state(false);

  constructor() {
    this.#machine_dark = this.#machine.matches;
    this.#machine.addEventListener('change', (event) => (this.#machine_dark = event.matches));
    this.#apply();
  }

  get shown(): 'light' | 'dark' {
    return this.choice === 'auto' ? (this.#machine_dark ? 'dark' : 'light') : this.choice;
  }

  next(): void {
    this.choice = NEXT[this.choice];
    try {
      localStorage.setItem(KEPT_AS, this.choice);
    } catch {
      // Without storage the choice holds until the page is closed.
    }
    this.#apply();
  }

  #apply(): void {
    if (this.choice === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.choice;
  }
}

function read_choice(): Choice {
  try {
    const kept = localStorage.getItem(KEPT_AS);
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = new Theme();
