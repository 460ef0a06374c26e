package render

// Bounds of what one file may ask of us. They are far above anything that an
// API server would take, and low enough that a hostile file is cheap to refuse.
const (
	// MaxFileBytes bounds one manifest file. An object of more than 1.5 MiB does
	// not fit into etcd; generated bundles hold many.
	MaxFileBytes = 32 << 20
	// MaxDocuments bounds the objects of one file, list items included.
	MaxDocuments = 20_000
	// MaxDepth bounds nesting; the deepest real schemas (JSONSchemaProps in CRDs)
	// stay below 60.
	MaxDepth = 256
	// MaxAliasValues bounds the values that one file reaches through YAML aliases,
	// counted each time that they are reached: the billion laughs stop here.
	MaxAliasValues = 200_000
	// maxFaults bounds how many mistakes are reported for one file.
	maxFaults = 50
)
