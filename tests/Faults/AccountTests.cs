using System.Security.Cryptography;
using System.Text;

namespace Connectors.Faults.Tests;

/// <summary>The account of a round tells each promise that was not kept: else a round that says that all were would say nothing.</summary>
public sealed class AccountTests
{
    private static readonly Dictionary<string, (string Violation, Action<Scene> Happen)> Cases = new()
    {
        ["a call that runs once and is called back"] = ("", scene => scene.Works()),
        ["a run again while a fault lasts"] = ("", scene =>
        {
            scene.Works();
            scene.Strikes(1.2, 1.4);
            scene.Runs(1.5);
        }
        ),
        ["a run again long after a fault"] = ("ran its attempt 1 again without a fault", scene =>
        {
            scene.Strikes(0.2, 0.4);
            scene.Works();
            scene.Runs(1.5);
        }
        ),
        ["a run again"] = ("ran its attempt 1 again without a fault", scene =>
        {
            scene.Works();
            scene.Runs(1.5);
        }
        ),
        ["more runs again than were in flight at the fault"] = ("repeated more than the 1 that were in flight", scene =>
        {
            scene.Works();
            scene.Strikes(1.2, 1.55);
            scene.Runs(1.5);
            scene.Runs(1.6);
        }
        ),
        ["a next attempt of what succeeds"] = ("was sent again as attempt 2 without a fault", scene =>
        {
            scene.Works();
            scene.Runs(1.5, attempt: 2);
        }
        ),
        ["a next attempt of what fails once"] = ("", scene =>
        {
            scene.Accepts("flaky");
            scene.Runs(1);
            scene.Runs(1.5, attempt: 2);
            scene.Posts(2);
        }
        ),
        ["a third attempt of what fails once"] = ("was sent again as attempt 3 without a fault", scene =>
        {
            scene.Accepts("flaky");
            scene.Runs(1);
            scene.Runs(1.5, attempt: 2);
            scene.Runs(1.7, attempt: 3);
            scene.Posts(2);
        }
        ),
        ["a run with another body"] = ("ran with another body", scene =>
        {
            scene.Accepts();
            scene.Runs(1, body: "another");
            scene.Posts(2);
        }
        ),
        ["no run"] = ("was accepted and never ran", scene => scene.Accepts()),
        ["a run of what was answered with neither 202 nor 503"] = ("its caller was not told", scene =>
        {
            scene.Accepts();
            scene.Call.IsAccepted = false;
            scene.Runs(1);
            scene.Posts(2);
        }
        ),
        ["a run of what was answered with 503"] = ("", scene =>
        {
            scene.Accepts();
            (scene.Call.IsAccepted, scene.Call.IsUnknown) = (false, true);
            scene.Runs(1);
            scene.Posts(2);
        }
        ),
        ["an accept that was stored twice"] = ("was stored 2 times", scene =>
        {
            scene.Works();
            scene.Runs(1.5, delivery: "second");
            scene.Posts(2.5, delivery: "second");
        }
        ),
        ["no callback"] = ("ended as: nothing", scene =>
        {
            scene.Accepts();
            scene.Runs(1);
        }
        ),
        ["two callbacks"] = ("was called back again without a fault", scene =>
        {
            scene.Works();
            scene.Posts(2.5);
        }
        ),
        ["two callbacks over a fault"] = ("", scene =>
        {
            scene.Works();
            scene.Strikes(2.1, 2.2);
            scene.Posts(2.5);
        }
        ),
        ["more callbacks again than were in flight at the fault"] = ("repeated more than the 1 that were in flight", scene =>
        {
            scene.Works();
            scene.Strikes(2.1, 2.55);
            scene.Posts(2.5);
            scene.Posts(2.6);
        }
        ),
        ["a callback that another signed"] = ("has a wrong signature", scene =>
        {
            scene.Accepts();
            scene.Runs(1);
            scene.Posts(2, secret: 7);
        }
        ),
        ["a callback of another's answer"] = ("the callback of call-1 has a wrong body", scene =>
        {
            scene.Accepts();
            scene.Runs(1);
            scene.Posts(2, body: "done call-2");
        }
        ),
        ["two callbacks that tell of two ends"] = ("ended as: succeeded and dead 400", scene =>
        {
            scene.Works();
            scene.Strikes(2.1, 2.2);
            scene.Posts(2.5, status: 400);
        }
        ),
        ["a callback that tells of another end"] = ("ended as: dead 400", scene =>
        {
            scene.Accepts();
            scene.Runs(1);
            scene.Posts(2, status: 400);
        }
        ),
        ["a dead letter of what fails"] = ("", scene =>
        {
            scene.Fails();
            scene.Dies();
        }
        ),
        ["no dead letter of what fails"] = ("was called back as dead and has no dead letter", scene => scene.Fails()),
        ["two dead letters"] = ("is two dead letters", scene =>
        {
            scene.Fails();
            scene.Dies();
            scene.Dies();
        }
        ),
        ["a dead letter of what succeeds"] = ("call-1 is a dead letter on", scene =>
        {
            scene.Works();
            scene.Dies();
        }
        ),
        ["a dead letter of a callback"] = ("call-1 is a dead letter on", scene =>
        {
            scene.Fails();
            scene.Dies("callback");
        }
        ),
        ["an answer that is none of ours"] = ("an answer that is neither 202 nor 503: 1 x 500", scene =>
        {
            scene.Works();
            scene.Strange.Add("1 x 500");
        }
        ),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_was_not_kept_is_told_and_nothing_else(string name)
    {
        var (violation, happen) = Cases[name];
        var scene = new Scene();
        happen(scene);

        var violations = scene.Close();

        if (violation.Length == 0)
        {
            Assert.Empty(violations);
        }
        else
        {
            Assert.Contains(violations, told => told.Contains(violation, StringComparison.Ordinal));
        }
    }

    private sealed class Scene
    {
        private const string Delivery = "first";
        private static readonly DateTimeOffset Start = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
        private static readonly byte[] Secret = [1, 2, 3];

        private readonly Account _account = new();
        private readonly List<Entry> _runs = [];
        private readonly List<Entry> _posts = [];
        private readonly List<DeadLetter> _letters = [];

        public Call Call { get; private set; } = null!;

        public List<string> Strange { get; } = [];

        public void Accepts(string function = "work") => Call = new Call("call-1", function, hasKey: false) { IsAccepted = true };

        public void Runs(double at, int attempt = 1, string delivery = Delivery, string? body = null) =>
            _runs.Add(new Entry(Start.AddSeconds(at), $"POST /{Call.Function} HTTP/1.1\r\nX-Call-Id: {Call.Id}\r\nX-Delivery-Id: {delivery}\r\nX-Attempt: {attempt}", Encoding.ASCII.GetBytes(body ?? Call.Id)));

        public void Posts(double at, int status = 200, string delivery = Delivery, string? body = null, byte? secret = null)
        {
            var told = Encoding.ASCII.GetBytes(body ?? $"done {Call.Id}");
            byte[] signed = [.. Encoding.ASCII.GetBytes($"{delivery}.1767355200."), .. told];
            var signature = Convert.ToBase64String(HMACSHA256.HashData(secret is { } other ? [other] : Secret, signed));
            _posts.Add(new Entry(
                Start.AddSeconds(at),
                $"POST /callback HTTP/1.1\r\nX-Call-Id: {Call.Id}\r\nX-Function-Status: {status}\r\nwebhook-id: {delivery}\r\nwebhook-timestamp: 1767355200\r\nwebhook-signature: v1,{signature}",
                told));
        }

        public void Works()
        {
            Accepts();
            Runs(1);
            Posts(2);
        }

        public void Fails()
        {
            Accepts("bad");
            Runs(1);
            Posts(2, status: 400);
        }

        public void Dies(string kind = "call") => _letters.Add(new DeadLetter(
            (ulong)_letters.Count + 1, Start, $"d.{Delivery}.{_letters.Count}", $"faas-request.dead.{kind}.openfaas-fn.{Call.Function}", $$"""{"callId":"{{Call.Id}}","deliveryId":"{{Delivery}}"}"""));

        public void Strikes(double from, double to) =>
            _account.Struck.Add(new Strike(new Fault("a fault", [], () => Task.CompletedTask, Reruns: 1, Recalls: 1), Start.AddSeconds(from), Start.AddSeconds(to)));

        public List<string> Close()
        {
            _account.Close(new Seen([Call], Strange, _runs, _posts, Secret), _letters);
            return _account.Violations;
        }
    }
}
