#if canImport(Glibc)
import Glibc
#endif

/// Compares pictures with what they were made from: structural similarity and peak signal-to-noise ratio of luma, as the
/// library's filters measure them. Similarity is that of blocks of eight samples a side: smaller pictures are enlarged for it,
/// by repeating samples.
public final class QualityMeter {
    private let graph: FilterGraph
    private static let blockSide = 8
    private var similarity = 0.0
    private var squaredError = 0.0
    private var similarities = 0
    private var errors = 0
    private var count: Int64 = 0

    /// - Parameters:
    ///   - reference: one of the pictures that are the measure, of eight bits of 4:2:0.
    ///   - other: one of those that are compared; where they are of another size they are scaled to the reference's.
    public init(like reference: Frame, comparing other: Frame) throws(MediaError) {
        let second = Rational(1, 25)
        let (width, height) = (reference.width, reference.height)
        let (least, plane) = (QualityMeter.blockSide, "format=yuv420p,extractplanes=y")
        let enlarged =
            min(width, height) < least ? ",scale=\(max(width, least)):\(max(height, least)):flags=neighbor" : ""
        graph = try FilterGraph(
            [
                FilterGraph.Input(pictures: reference, timeBase: second),
                FilterGraph.Input(pictures: other, timeBase: second),
            ],
            "[source]\(plane)\(enlarged),split[a][b];"
                + "[source1]scale=\(width):\(height):flags=bicubic,setsar=1,\(plane)\(enlarged),split[c][d];"
                + "[c][a]ssim[sink0];[d][b]psnr[sink1]",
            sinks: 2, kind: .video, threads: 1)
    }

    public func add(_ reference: Frame, _ other: Frame) throws(MediaError) {
        for (input, frame) in [reference, other].enumerated() {
            let own = try frame.shared()
            own.timestamp = count
            own.duration = 1
            try graph.filter(own, input: input) { (_: Int, picture: Frame) throws(MediaError) in
                if let value = picture.note("lavfi.ssim.Y").flatMap(Double.init) {
                    similarity += value
                    similarities += 1
                }
                if let value = picture.note("lavfi.psnr.mse.y").flatMap(Double.init) {
                    squaredError += value
                    errors += 1
                }
            }
        }
        count += 1
    }

    /// The mean over the pictures, up to 1; 0 without any.
    public var ssim: Double { similarities > 0 ? similarity / Double(similarities) : 0 }

    /// Of the mean error, in decibels, at most 100.
    public var psnr: Double {
        guard errors > 0, squaredError > 0 else { return errors > 0 ? 100 : 0 }
        return min(100, 10 * log10(255 * 255 / (squaredError / Double(errors))))
    }
}
