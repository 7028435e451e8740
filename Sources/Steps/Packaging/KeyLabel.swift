/// What a content key protects: sound, or pictures of a size, so that a licence can leave out the larger ones.
public enum KeyLabel: String, Sendable, Hashable, CaseIterable {
    case audio
    /// Pictures of any size that no other key is for.
    case video
    /// Up to 576 lines of up to 1024 pixels.
    case sd
    /// Up to 1920 by 1088 pixels.
    case hd
    /// Larger ones.
    case uhd

    /// The label of pictures of a size in pixels: `sd`, `hd` or `uhd`.
    public init(width: Int, height: Int) {
        if width <= 1024 && height <= 576 {
            self = .sd
        } else if width <= 1920 && height <= 1088 {
            self = .hd
        } else {
            self = .uhd
        }
    }
}
