/**
 * A number as Go prints a double of 32 bits in its shorter form: `1.5`, `1e+21`, `1e-07`. So does
 * kubectl's YAML reader with numbers that are keys.
 *
 * Source: Go strconv/ftoa.go, %g with the shortest precision.
 */
export function float32Text(number: number): string {
  const float = Math.fround(number);
  const [digits = '', exponentText = '0'] = shortest(float).split('e');
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return String(Number(`${digits}e${exponent}`));
  const sign = exponent < 0 ? '-' : '+';
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** The fewest digits that are read back as the same double of 32 bits. */
function shortest(float: number): string {
  for (let digits = 0; digits < MOST_DIGITS; digits += 1) {
    const text = float.toExponential(digits);
    if (Math.fround(Number(text)) === float) return text;
  }
  return float.toExponential(MOST_DIGITS);
}

const MOST_DIGITS = 9;
