/** Hosts that are named like production. */

/** A pattern list of ssh_config(5). "product" is none. */
export const productionPatterns = "prod,prod-*,prod.*,*-prod,*-prod.*,*.prod,*.prod.*,*production*";

const looksSo = /(?:^|[-.])prod(?:[-.]|$)|production/;

export function isNamedProduction(host: string): boolean {
  return looksSo.test(host.toLowerCase());
}
