public import JSON

extension TitleMetadata {
    /// The document's JSON Schema (draft 2020-12), for editors and for the pages that show what may be given. What a
    /// schema cannot say well, such as that an episode needs its series, ``init(title:document:)`` checks besides.
    public static var schema: JSON {
        let number: JSON = [
            "type": "integer", "minimum": .integer(Limits.numbers.lowerBound),
            "maximum": .integer(Limits.numbers.upperBound),
        ]
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Title metadata",
            "description": "What is known about a title before it is published.",
            "type": "object",
            "additionalProperties": false,
            "properties": [
                "title": text(Limits.title, "The title's name."),
                "kind": [
                    "enum": .array(Kind.allCases.map { .string($0.rawValue) }), "default": .string(Kind.movie.rawValue),
                ],
                "description": text(Limits.description, "What it is about, for viewers."),
                "year": [
                    "type": "integer", "minimum": .integer(Limits.years.lowerBound),
                    "maximum": .integer(Limits.years.upperBound), "description": "Year of first release.",
                ],
                "rating": [
                    "type": ["string", "integer"], "pattern": "^[A-Za-z0-9][A-Za-z0-9 +/-]*$",
                    "maxLength": .integer(Limits.rating), "description": "Maturity rating as its board writes it.",
                ],
                "languages": [
                    "type": "array", "maxItems": .integer(Limits.languages), "uniqueItems": true,
                    "items": ["type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", "maxLength": 35],
                    "description": "BCP 47 tags of the spoken languages, the original first.",
                ],
                "genres": [
                    "type": "array", "maxItems": .integer(Limits.genres), "uniqueItems": true,
                    "items": text(Limits.genre, "A genre's name."),
                ],
                "series": text(Limits.title, "Name of the series a season or episode belongs to."),
                "season": number,
                "episode": number,
                "parent": [
                    "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$",
                    "description": "Catalogue id of the series or season this title belongs to.",
                ],
                "cast": [
                    "type": "array", "maxItems": .integer(Limits.cast),
                    "items": [
                        "oneOf": [
                            text(Limits.name, "A name."),
                            [
                                "type": "object", "required": ["name"], "additionalProperties": false,
                                "properties": [
                                    "name": text(Limits.name, "A name."), "role": text(Limits.name, "The part played."),
                                ],
                            ],
                        ]
                    ],
                ],
                "availability": [
                    "type": "array", "maxItems": .integer(Limits.regions),
                    "description": "Where and when it may be shown; without it everywhere and always.",
                    "items": [
                        "type": "object", "additionalProperties": false,
                        "properties": [
                            "region": [
                                "type": "string", "pattern": "^([A-Z]{2}|[*])$", "default": "*",
                                "description": "A country (ISO 3166-1), or * for all.",
                            ],
                            "from": moment("The first moment; a day begins at midnight UTC."),
                            "to": moment("The first moment at which it is not shown any more."),
                        ],
                    ],
                ],
            ],
        ]
    }

    private static func moment(_ description: String) -> JSON {
        [
            "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$",
            "description": .string(description),
        ]
    }

    private static func text(_ limit: Int, _ description: String) -> JSON {
        ["type": "string", "minLength": 1, "maxLength": .integer(limit), "description": .string(description)]
    }
}
