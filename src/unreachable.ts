/**
 * Ends a switch over a closed union: a new member that is not handled does not compile. The value is not
 * shown: it may be a secret.
 */
export function unreachable(_value: never): never {
  throw new Error("a case that the types exclude");
}
