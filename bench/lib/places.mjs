/**
 * A document with the results in their place: between the lines `<!-- PLACE:begin -->` and `<!-- PLACE:end -->`.
 * @param {string} text @param {string} place @param {string} rendered ends in a line break
 */
export function inserted(text, place, rendered) {
  const marks = new RegExp(`(<!-- ${place}:begin -->\\n).*?(<!-- ${place}:end -->)`, 's');
  if (!marks.test(text))
    throw new Error(`there is no place for results between <!-- ${place}:begin --> and <!-- ${place}:end -->`);
  return text.replace(marks, (_all, begin, end) => `${begin}\n${rendered}\n${end}`);
}
