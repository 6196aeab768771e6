// Canvas needs colours as plain values; they are read from the tokens, so that a chart follows the theme like everything else.

export interface ChartColours {
  ink: string;
  muted: string;
  line: string;
  strong: string;
  ground: string;
  quiet: string;
  series: string[];
  font: string;
}

/** The colours as they are now under `host`. */
export function read_colours(host: HTMLElement): ChartColours {
  const probe = document.createElement('span');
  host.append(probe);
  const read = (token: string) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    ink: read('--ink'),
    muted: read('--muted'),
    line: read('--line'),
    strong: read('--line-strong'),
    ground: read('--ground'),
    quiet: read('--series-quiet'),
    series: [1, 2, 3, 4, 5, 6].map((n) => read(`--series-${n}`)),
    font: `12px ${getComputedStyle(host).fontFamily}`,
  };
  probe.remove();
  return colours;
}

/** `rgb(1, 2, 3)` with an opacity. */
export function faint(colour: string, opacity: number): string {
  const [r, g, b] = colour.match(/[\d.]+/g) ?? [0, 0, 0];
  return `rgba(${r}, ${g}, ${b}, ${opacity})`;
}
