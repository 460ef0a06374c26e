// Package observe is how the rest of Lockstep says what it is doing: the spans of
// a trace and the ids that tie log lines to a pass.
//
// Both travel in a context. A package that does work calls [Start] and ends the
// span; whether anybody listens is decided once, where a trace begins
// ([Tracer.Root]). With nobody listening a span is a zero value, and neither
// Start nor End allocates: what did not change costs nothing, being watched
// included.
//
// Nothing here exports: package otlp below sends spans, the server serves
// metrics, and each package has its metrics beside what they count.
package observe
