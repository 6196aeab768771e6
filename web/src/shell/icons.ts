// The icons of the shell as paths on a grid of 20 × 20, stroked in the colour of the text beside them.

export const ICONS = {
  trading: 'M3 15.500l4.500-5 3.500 3 6-7.500M13 6h4v4',
  pipeline: 'M2.500 10h4M13.500 10h4M6.500 6.500h7v7h-7z',
  views: 'M3 4.500h14v11H3zM3 8.500h14M8 8.500v7',
  topics: 'M3 5.500h14M3 10h14M3 14.500h9',
  groups: 'M7 5.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5M2.500 16c0-2.500 2-4 4.500-4s4.500 1.500 4.500 4M13 6a2 2 0 1 1 0 4M14 12c2 0 3.500 1.300 3.500 3.500',
  queries: 'M7 5l-4 5 4 5M13 5l4 5-4 5',
  docs: 'M5 3h7l3.500 3.500V17H5zM12 3v3.500h3.500M8 10.500h5M8 13.500h5',
  search: 'M9 3.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11zM13 13l4 4',
  menu: 'M3 5.500h14M3 10h14M3 14.500h14',
  close: 'M5 5l10 10M15 5L5 15',
  play: 'M6.500 4.500l9 5.500-9 5.500z',
  pause: 'M7 4.500v11M13 4.500v11',
  theme: 'M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14',
  left: 'M12 5l-5 5 5 5',
  right: 'M8 5l5 5-5 5',
  copy: 'M7 7h9v9H7zM4 13V4h9',
} as const;

export type IconName = keyof typeof ICONS;
