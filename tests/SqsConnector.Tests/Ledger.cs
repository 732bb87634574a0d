using System.Collections.Concurrent;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Sqs.Tests;

/// <summary>A function that writes down how each of its calls ended, and fails the ones that the test names.</summary>
internal sealed class Ledger(Func<string, int, bool> fails)
{
    private readonly ConcurrentDictionary<string, int> _calls = new();
    private readonly ConcurrentQueue<string> _taken = new();
    private int _running;
    private int _mostRunning;

    /// <summary>Bodies in the order in which they were taken.</summary>
    public IReadOnlyCollection<string> Taken => _taken;

    public int MostRunning => _mostRunning;

    public int Calls(string body) => _calls.GetValueOrDefault(body);

    /// <summary>How many different bodies were taken.</summary>
    public int Distinct => _taken.Distinct().Count();

    /// <summary>How long a call takes.</summary>
    public TimeSpan Pace { get; init; }

    /// <summary>Takes no call before the test says so.</summary>
    public TaskCompletionSource? Gate { get; set; }

    /// <param name="request">The call; whether it fails is asked with its body and its ordinal, from 1.</param>
    /// <param name="http">Its answer.</param>
    public async Task AnswerAsync(RecordedRequest request, HttpContext http)
    {
        var running = Interlocked.Increment(ref _running);
        InterlockedMax(running);
        var body = request.Text;
        var call = _calls.AddOrUpdate(body, 1, (_, n) => n + 1);
        await (Gate?.Task ?? Task.Delay(Pace, TimeProvider.System, http.RequestAborted));
        if (fails(body, call))
        {
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
        else
        {
            _taken.Enqueue(body);
        }

        Interlocked.Decrement(ref _running);
    }

    private void InterlockedMax(int running)
    {
        for (var seen = _mostRunning; running > seen; seen = _mostRunning)
        {
            if (Interlocked.CompareExchange(ref _mostRunning, running, seen) == seen)
            {
                return;
            }
        }
    }
}
