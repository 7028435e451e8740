import CMedia
import CMediaShims

/// A chain, tree or net of filters from one or more sources to any number of sinks. Owns the library's graph.
public final class FilterGraph {
    private let graph: UnsafeMutablePointer<AVFilterGraph>
    private let sources: [UnsafeMutablePointer<AVFilterContext>]
    private let sinks: [UnsafeMutablePointer<AVFilterContext>]
    /// Time base of the frames each sink gives.
    public let timeBases: [Rational]

    /// The frames a graph is made for; a frame of another form needs another graph.
    public struct Input: Sendable, Hashable {
        let arguments: String

        /// Pictures like this one, with timestamps in `timeBase`; some filters ask for their rate.
        public init(pictures frame: Frame, timeBase: Rational, rate: Rational? = nil) {
            let picture = frame.pointer.pointee
            let aspect = StreamInfo.plausibleAspect(Rational(known: picture.sample_aspect_ratio))
            arguments =
                "width=\(picture.width):height=\(picture.height):pix_fmt=\(picture.format)"
                + ":time_base=\(timeBase):sar=\(aspect)" + (rate.map { ":frame_rate=\($0)" } ?? "")
        }

        /// Blocks of samples like this one, with timestamps in samples.
        public init(samples frame: Frame) {
            let block = frame.pointer.pointee
            let format = av_get_sample_fmt_name(AVSampleFormat(block.format)).map { String(cString: $0) } ?? "none"
            let layout = ChannelLayout.name(block.ch_layout) ?? "mono"
            arguments =
                "sample_rate=\(block.sample_rate):sample_fmt=\(format):channel_layout=\(layout)"
                + ":time_base=1/\(block.sample_rate)"
        }
    }

    /// Builds a graph.
    /// - Parameters:
    ///   - description: in the library's filter language, from the pad `[source]` to the pads `[sink0]`, `[sink1]` ...
    ///   - sinks: how many of those there are.
    ///   - kind: what flows through it, `video` or `audio`.
    ///   - threads: threads the filters may use for slices of a picture.
    public convenience init(
        _ input: Input, _ description: String, sinks count: Int, kind: StreamInfo.Kind, threads: Int
    ) throws(MediaError) {
        try self.init([input], description, sinks: count, kind: kind, threads: threads)
    }

    /// Builds a graph of several sources, whose pads are `[source]`, `[source1]` ...
    public init(
        _ inputs: [Input], _ description: String, sinks count: Int, kind: StreamInfo.Kind, threads: Int
    ) throws(MediaError) {
        let log = LibraryLog()
        guard let graph = avfilter_graph_alloc() else { throw MediaError(.noMemory, "no memory for a filter graph") }
        self.graph = graph
        graph.pointee.nb_threads = Int32(clamping: max(1, threads))
        let sinkName = kind == .audio ? "abuffersink" : "buffersink"
        let ends = (0..<count).map { ";[sink\($0)]\(sinkName)@sink\($0)" }.joined()
        let sourceName = kind == .audio ? "abuffer" : "buffer"
        let names = inputs.indices.map { $0 == 0 ? "source" : "source\($0)" }
        let beginnings = zip(names, inputs).map { "\(sourceName)@\($0)=\($1.arguments)[\($0)];" }.joined()
        let text = "\(beginnings)\(description)\(ends)"
        var code = FilterGraph.parse(graph, text)
        if code >= 0 { code = avfilter_graph_config(graph, nil) }
        guard code >= 0 else {
            var owned: UnsafeMutablePointer<AVFilterGraph>? = graph
            avfilter_graph_free(&owned)
            // The filters are constants of ours; what varies is the form of what comes in.
            let forms = inputs.map(\.arguments).joined(separator: ", ")
            throw .library(
                code, "what the decoder gives ('\(forms)') cannot be converted", otherwise: .unsupported, log: log)
        }
        let begun = names.compactMap { avfilter_graph_get_filter(graph, "\(sourceName)@\($0)") }
        let found = (0..<count).compactMap { avfilter_graph_get_filter(graph, "\(sinkName)@sink\($0)") }
        guard begun.count == inputs.count, found.count == count else {
            preconditionFailure("a parsed graph holds the filters it was asked for")
        }
        sources = begun
        sinks = found
        timeBases = found.map { Rational(known: av_buffersink_get_time_base($0)) ?? Rational(1, 1000) }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFilterGraph>? = graph
        avfilter_graph_free(&owned)
    }

    /// Audio sinks give blocks of exactly this many samples, the last one excepted.
    public func setBlockSize(_ samples: Int) {
        for sink in sinks { av_buffersink_set_frame_size(sink, UInt32(samples)) }
    }

    /// Moves a frame's contents in, or with nil tells the end, and hands out what comes out at each sink, by its
    /// number.
    /// - Parameter input: the source's number.
    public func filter(
        _ frame: Frame?, input: Int = 0, _ body: (Int, Frame) throws(MediaError) -> Void
    ) throws(MediaError) {
        let log = LibraryLog()
        let flags = Int32(AV_BUFFERSRC_FLAG_PUSH)
        let pushed = av_buffersrc_add_frame_flags(sources[input], frame?.pointer, flags)
        guard pushed >= 0 else { throw FilterGraph.failure(pushed, log) }
        let out = try Frame()
        for (index, sink) in sinks.enumerated() {
            while true {
                let received = av_buffersink_get_frame(sink, out.pointer)
                if received == media_error_again() || received == media_error_end() { break }
                guard received >= 0 else { throw FilterGraph.failure(received, log) }
                // The decoder's guess went in as the timestamp; only that came through.
                out.pointer.pointee.best_effort_timestamp = out.pointer.pointee.pts
                try body(index, out)
                out.clear()
            }
        }
    }

    private static func failure(_ code: Int32, _ log: LibraryLog) -> MediaError {
        .library(code, "what the decoder gives cannot be converted", otherwise: .unsupported, log: log)
    }

    /// Whether this build of the library has a filter.
    public static func has(_ name: String) -> Bool { avfilter_get_by_name(name) != nil }

    private static func parse(_ graph: UnsafeMutablePointer<AVFilterGraph>, _ text: String) -> Int32 {
        var inputs: UnsafeMutablePointer<AVFilterInOut>?
        var outputs: UnsafeMutablePointer<AVFilterInOut>?
        defer {
            avfilter_inout_free(&inputs)
            avfilter_inout_free(&outputs)
        }
        let code = avfilter_graph_parse2(graph, text, &inputs, &outputs)
        precondition(
            code < 0 || inputs == nil && outputs == nil, "every pad of '\(text)' must be connected")
        return code
    }
}
