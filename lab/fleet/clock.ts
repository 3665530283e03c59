/** A clock that is off, for all of Node that is started in a home from now on. Other programs keep the machine's. */
import type { Lab } from "../lab.ts";

/** @param milliseconds ahead of the machine's; less than none: behind it */
export function setClock(lab: Lab, milliseconds: number): void {
  const text = `const Real = Date;
globalThis.Date = class Date extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + ${milliseconds});
    else super(...given);
  }
  static now() {
    return Real.now() + ${milliseconds};
  }
};
`;
  lab.write("clock.cjs", text);
  lab.environment.NODE_OPTIONS = `--require=${lab.path("clock.cjs")}`;
}
