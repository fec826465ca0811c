// Which setting `martlet tune` recommends.
import Testing

@testable import Supervisor

@Suite struct TuneTests {
    private func trial(_ workers: Int, _ io: String, requests: UInt64, cpu: Double) -> Trial {
        Trial(setting: TuneSetting(workers: workers, io: io), seconds: 10, requests: requests, cpuSeconds: cpu)
    }

    @Test("Self-made traffic: the most requests, and fewer workers where it makes no difference")
    func throughput() {
        let trials = [
            trial(1, "epoll", requests: 100_000, cpu: 10), trial(2, "epoll", requests: 198_000, cpu: 20),
            trial(4, "epoll", requests: 200_000, cpu: 20), trial(2, "uring", requests: 199_000, cpu: 19),
        ]
        #expect(Recommendation.best(of: trials, isLive: false)?.setting == TuneSetting(workers: 2, io: "epoll"))
        let faster = trials + [trial(2, "uring", requests: 230_000, cpu: 20)]
        #expect(Recommendation.best(of: faster, isLive: false)?.setting == TuneSetting(workers: 2, io: "uring"))
    }

    @Test("Live traffic: the cheapest request among those with room for a peak")
    func live() {
        let trials = [
            trial(1, "epoll", requests: 100_000, cpu: 9), trial(2, "epoll", requests: 100_000, cpu: 9.9),
            trial(4, "epoll", requests: 100_000, cpu: 12),
        ]
        #expect(Recommendation.best(of: trials, isLive: true)?.setting.workers == 2)
        // Nobody has room: the least busy.
        let busy = [trial(1, "epoll", requests: 9, cpu: 10), trial(2, "epoll", requests: 9, cpu: 18)]
        #expect(Recommendation.best(of: busy, isLive: true)?.setting.workers == 2)
    }

    @Test func nothingAnswered() {
        #expect(Recommendation.best(of: [trial(1, "epoll", requests: 0, cpu: 0)], isLive: false) == nil)
        #expect(Recommendation.best(of: [], isLive: true) == nil)
    }

    @Test func responses() {
        let head = Array("HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 12\r\n\r\nbody".utf8)
        #expect(TuneLoad.endOfHead(head) == head.count - 4)
        #expect(TuneLoad.endOfHead(Array("HTTP/1.1 200".utf8)) == nil)
        #expect(TuneLoad.contentLength(head[...]) == 12)
        #expect(TuneLoad.contentLength(Array("HTTP/1.1 200 OK\r\n\r\n".utf8)[...]) == nil)
    }
}
