/** Emphasis on a terminal, each undone by its own sequence (ECMA-48, SGR). */
const style = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;

export const bold = style(1, 22);
export const dim = style(2, 22);
export const red = style(31, 39);
export const cyan = style(36, 39);
