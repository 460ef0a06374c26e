package httpapi

// UnitPath is unitPath for inputs that embed it: of what is embedded the library
// looks only into what has an exported name, and the rest it leaves empty.
type UnitPath = unitPath
