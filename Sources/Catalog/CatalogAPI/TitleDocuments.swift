import CatalogStore
import JSON

/// The JSON that viewers' clients get. Members are snake_case; addresses are absolute; what is not known is null.
struct TitleDocuments {
    /// Scheme and authority of the addresses, without a slash at the end.
    let base: String

    func summary(_ title: PublishedTitle) -> JSON {
        [
            "id": .string(title.id),
            "kind": .string(title.kind),
            "title": .string(title.name),
            "year": optional(title.year),
            "rating": optional(title.rating),
            "languages": .array(title.languages.map { .string($0) }),
            "genres": .array(title.genres.map { ["slug": .string($0.slug), "name": .string($0.name)] }),
            "series": optional(title.series),
            "season": optional(title.season),
            "episode": optional(title.episode),
            "duration_seconds": .double(title.durationSeconds),
            "poster": address(title.posterKey),
            "published_at": .string(title.publishedAt),
        ]
    }

    func full(_ title: PublishedTitle, _ renditions: [PublishedRendition]) -> JSON {
        var document = summary(title)
        document["description"] = optional(title.description)
        document["parent"] = optional(title.parentID)
        document["cast"] = title.cast
        document["posters"] = .array(
            title.posters.map { poster in
                [
                    "url": address(poster.key), "width": .integer(poster.width), "height": .integer(poster.height),
                ]
            })
        document["thumbnails"] = address(title.thumbnailsKey)
        document["dense_thumbnails"] = address(title.denseThumbnailsKey)
        document["renditions"] = .array(renditions.map(rendition))
        return document
    }

    /// - Parameter token: a playback token for whoever asks; nil where nothing is licensed here.
    func playback(_ playback: PublishedPlayback, id: String, token: String?) -> JSON {
        [
            "hls": address(playback.hlsKey),
            "dash": address(playback.dashKey),
            "protected": .bool(playback.isProtected),
            "licence": playback.hasLicence ? .string("\(base)/v1/titles/\(id)/licence") : .null,
            "playback_token": optional(token),
            "renditions": .array(playback.renditions.map(rendition)),
        ]
    }

    private func rendition(_ rendition: PublishedRendition) -> JSON {
        [
            "kind": .string(rendition.kind),
            "codecs": .string(rendition.codecs),
            "width": optional(rendition.width),
            "height": optional(rendition.height),
            "frame_rate": optional(rendition.frameRate),
            "bandwidth": rendition.bandwidth.map { .integer($0) } ?? .null,
            "average_bandwidth": rendition.averageBandwidth.map { .integer($0) } ?? .null,
            "language": optional(rendition.language),
        ]
    }

    private func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    private func optional(_ number: Int?) -> JSON { number.map { .integer($0) } ?? .null }
    private func address(_ key: String?) -> JSON {
        key.map { .string(MediaAddress.url(of: $0, base: base)) } ?? .null
    }
}
