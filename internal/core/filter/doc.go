// Package filter is the one grammar by which lists are narrowed: in the address bar,
// in the API's parameter q and on the command line.
//
//	env:prod step:drifted owner:me target:eu-* -health:healthy checkout
//
// A filter is terms, all of which have to hold. A term is a word, which is looked for
// in a thing's text, or FIELD:VALUES, where the values are separated by commas and one
// of them has to hold. A minus in front turns a term round. Values are compared
// without regard to case; * stands for anything and ? for one character. Quotes keep
// blanks, commas, colons and stars as they are. A field that is a time takes an age:
// changed:<1h is everything that changed within the last hour.
//
// [Parse] knows the fields that a [Schema] names and refuses others with the place of
// the mistake; [Filter.Match] asks a [Subject]; [Filter.String] prints the canonical
// form, which parses to the same filter.
package filter
