import MediaFiles

/// Pictures of one size and one kind of samples.
struct PictureForm: Sendable, Hashable {
    enum Samples: Sendable, Hashable {
        /// Eight bits of 4:2:0 in standard dynamic range.
        case film
        /// Ten bits of 4:2:0 in the dynamic range of the source.
        case highDynamicRange
        /// Eight bits of 4:2:0 in full range, for JPEG.
        case jpeg

        var pixelFormat: String {
            switch self {
            case .film: "yuv420p"
            case .highDynamicRange: "yuv420p10le"
            case .jpeg: "yuvj420p"
            }
        }
    }

    let width: Int
    let height: Int
    let samples: Samples
}

/// The filters that make decoded pictures into what viewers see: upright, progressive, square samples, and eight bits of
/// standard dynamic range unless a form keeps more.
enum PictureFilters {
    /// From `[source]` to `[sink0]`, `[sink1]` ... with one picture of each form out for every picture in.
    static func description(_ info: StreamInfo, scan: Scan, like frame: Frame, forms: [PictureForm]) -> String {
        var chain: [String] = []
        if let filter = scan.filterText { chain.append(filter) }
        chain += info.orientation.filterTexts
        let bright = forms.indices.filter { forms[$0].samples == .highDynamicRange }
        let plain = forms.indices.filter { forms[$0].samples != .highDynamicRange }
        var toneMapping: [String] = []
        if info.isHighDynamicRange, FilterGraph.has("zscale"), FilterGraph.has("tonemap"),
            let top = plain.map({ forms[$0] }).max(by: { $0.width * $0.height < $1.width * $1.height })
        {
            toneMapping = PictureFilters.toneMapping(width: top.width, height: top.height)
        }
        if info.isHighDynamicRange, !bright.isEmpty || !toneMapping.isEmpty { chain.append(labels(frame.colours)) }
        func spread(_ filters: [String], _ indices: [Int], from pad: String) -> [String] {
            let ends = indices.map { end(forms[$0], of: frame.colours) + "[sink\($0)]" }
            guard ends.count > 1 else { return [pad + (filters + ends).joined(separator: ",")] }
            let pads = indices.map { "[rung\($0)]" }
            let split = "split=\(ends.count)" + pads.joined()
            return [pad + (filters + [split]).joined(separator: ",")] + zip(pads, ends).map { $0 + $1 }
        }
        let chains =
            if bright.isEmpty {
                spread(chain + toneMapping, plain, from: "[source]")
            } else if plain.isEmpty {
                spread(chain, bright, from: "[source]")
            } else {
                ["[source]" + (chain + ["split=2[bright][plain]"]).joined(separator: ",")]
                    + spread([], bright, from: "[bright]") + spread(toneMapping, plain, from: "[plain]")
            }
        return chains.joined(separator: ";")
    }

    /// The same for forms that differ in their size alone.
    /// - Parameter pixelFormat: `yuv420p` for films, `yuvj420p` for JPEG.
    static func description(
        _ info: StreamInfo, scan: Scan, like frame: Frame, sizes: [(width: Int, height: Int)], pixelFormat: String
    ) -> String {
        description(
            info, scan: scan, like: frame,
            forms: sizes.map {
                PictureForm(width: $0.width, height: $0.height, samples: pixelFormat == "yuv420p" ? .film : .jpeg)
            })
    }

    /// Scales and converts to a form.
    private static func end(_ form: PictureForm, of colours: Frame.Colours) -> String {
        var conversion = ""
        var labels: [String] = []
        if form.samples == .jpeg {
            conversion = ":out_range=pc"
        } else if colours.isRGB {
            conversion = ":out_color_matrix=bt709:out_range=tv"
            labels.append("setparams=colorspace=bt709:range=tv")
        } else if colours.isFullRange {
            conversion = ":out_range=tv"
        }
        return
            ([
                "scale=\(form.width):\(form.height):flags=bicubic\(conversion)", "format=\(form.samples.pixelFormat)",
                "setsar=1",
            ] + labels).joined(separator: ",")
    }

    private static let primaries = ["bt2020", "smpte432", "bt709"]
    private static let matrices = ["bt2020nc", "bt709"]

    /// The name if it is one of those, the first of them otherwise.
    private static func known(_ name: String?, _ names: [String]) -> String {
        name.flatMap { names.contains($0) ? $0 : nil } ?? names[0]
    }

    /// What the file leaves open, or names wrongly, is BT.2020: the system that PQ and HLG are made for.
    private static func labels(_ colours: Frame.Colours) -> String {
        "setparams=color_primaries=\(known(colours.primaries, primaries))"
            + ":color_trc=\(known(colours.transfer, ["smpte2084", "arib-std-b67"]))"
            + ":colorspace=\(known(colours.matrix, matrices))"
    }

    /// PQ and HLG pictures to BT.709 with a filmic curve, in linear light; scaled down first, for it is dear.
    private static func toneMapping(width: Int, height: Int) -> [String] {
        [
            "zscale=w=\(width):h=\(height):t=linear:npl=100", "format=gbrpf32le", "zscale=p=bt709",
            "tonemap=tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv", "format=yuv420p",
        ]
    }
}
