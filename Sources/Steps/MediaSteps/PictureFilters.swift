import MediaFiles

/// The filters that make decoded pictures into what viewers see: upright, progressive, square samples, eight bits,
/// standard dynamic range.
enum PictureFilters {
    /// From `[source]` to `[sink0]`, `[sink1]` ... with one picture out of each for every picture in.
    /// - Parameters:
    ///   - sizes: of the pictures at each sink; the first is the largest.
    ///   - pixelFormat: `yuv420p` for films, `yuvj420p` for JPEG.
    static func description(
        _ info: StreamInfo, scan: Scan, like frame: Frame, sizes: [(width: Int, height: Int)], pixelFormat: String
    ) -> String {
        var chain: [String] = []
        if let filter = scan.filterText { chain.append(filter) }
        chain += info.orientation.filterTexts
        if info.isHighDynamicRange, FilterGraph.has("zscale"), FilterGraph.has("tonemap"), let top = sizes.first {
            chain += toneMapping(frame.colours, width: top.width, height: top.height)
        }
        let isFilm = pixelFormat == "yuv420p"
        var conversion = ""
        var labels: [String] = []
        if frame.colours.isRGB, isFilm {
            conversion = ":out_color_matrix=bt709:out_range=tv"
            labels.append("setparams=colorspace=bt709:range=tv")
        } else if frame.colours.isFullRange, isFilm {
            conversion = ":out_range=tv"
        } else if !isFilm {
            conversion = ":out_range=pc"
        }
        let ends = sizes.enumerated().map { index, size in
            ([
                "scale=\(size.width):\(size.height):flags=bicubic\(conversion)", "format=\(pixelFormat)", "setsar=1",
            ] + labels).joined(separator: ",") + "[sink\(index)]"
        }
        guard ends.count > 1 else { return "[source]" + (chain + ends).joined(separator: ",") }
        let pads = sizes.indices.map { "[rung\($0)]" }
        chain.append("split=\(ends.count)" + pads.joined())
        return "[source]" + chain.joined(separator: ",") + ";"
            + zip(pads, ends).map { $0 + $1 }.joined(separator: ";")
    }

    private static let primaries = ["bt2020", "smpte432", "bt709"]
    private static let matrices = ["bt2020nc", "bt709"]

    /// The name if it is one of those, the first of them otherwise.
    private static func known(_ name: String?, _ names: [String]) -> String {
        name.flatMap { names.contains($0) ? $0 : nil } ?? names[0]
    }

    /// PQ and HLG pictures to BT.709 with a filmic curve, in linear light; scaled down first, for it is dear.
    private static func toneMapping(_ colours: Frame.Colours, width: Int, height: Int) -> [String] {
        [
            // What the file leaves open, or names wrongly, is BT.2020: the system these transfers are made for.
            "setparams=color_primaries=\(known(colours.primaries, primaries))"
                + ":color_trc=\(known(colours.transfer, ["smpte2084", "arib-std-b67"]))"
                + ":colorspace=\(known(colours.matrix, matrices))",
            "zscale=w=\(width):h=\(height):t=linear:npl=100", "format=gbrpf32le", "zscale=p=bt709",
            "tonemap=tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv", "format=yuv420p",
        ]
    }
}
