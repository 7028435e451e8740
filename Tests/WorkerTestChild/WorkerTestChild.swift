import Glibc
import Worker

/// A child of the worker whose steps do what files from strangers might: the worker's tests run it.
@main struct WorkerTestChild {
    static func main() {
        exit(StepChild.run { testSteps[$0] })
    }
}
