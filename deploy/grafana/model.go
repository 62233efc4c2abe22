package grafana

// The types below are the JSON of a dashboard, as far as ours need it: Grafana's classic model, schema version 39,
// which Grafana 10.4 and later read without migration. The tests decode the files with Grafana's own SDK, which refuses
// unknown fields.

type object = map[string]any

// Dashboard is the content of a dashboard's file.
type Dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	Timezone      string   `json:"timezone"`
	Editable      bool     `json:"editable"`
	GraphTooltip  int      `json:"graphTooltip"` // 1 is a shared crosshair
	Time          span     `json:"time"`
	Refresh       string   `json:"refresh"`
	SchemaVersion int      `json:"schemaVersion"`
	Links         []link   `json:"links"`
	Templating    list     `json:"templating"`
	Annotations   list     `json:"annotations"`
	Panels        []shown  `json:"panels"`
}

type span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type list struct {
	List []object `json:"list"`
}

// link leads to another dashboard, with the same period and variables.
type link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Icon        string   `json:"icon"`
	Tooltip     string   `json:"tooltip"`
	URL         string   `json:"url"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	TargetBlank bool     `json:"targetBlank"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
}

// shown is a panel, or the title of a row of panels.
type shown struct {
	ID          int     `json:"id"`
	Type        string  `json:"type"`
	Title       string  `json:"title"`
	Description string  `json:"description,omitempty"`
	GridPos     place   `json:"gridPos"`
	Datasource  *source `json:"datasource,omitempty"`
	Interval    string  `json:"interval,omitempty"` // the shortest step

	// Collapsed and Panels are set for rows only. Panels are the panels of a collapsed row.
	Collapsed *bool    `json:"collapsed,omitempty"`
	Panels    *[]shown `json:"panels,omitempty"`

	Targets         []target `json:"targets,omitempty"`
	FieldConfig     object   `json:"fieldConfig,omitempty"`
	Options         object   `json:"options,omitempty"`
	Transformations []object `json:"transformations,omitempty"`
}

// place is a position on the grid.
type place struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// target is a query.
type target struct {
	RefID        string  `json:"refId"`
	Datasource   *source `json:"datasource"`
	Expr         string  `json:"expr"`
	LegendFormat string  `json:"legendFormat,omitempty"`
	Format       string  `json:"format,omitempty"`
	Instant      bool    `json:"instant,omitempty"`
	Range        bool    `json:"range,omitempty"`
}
