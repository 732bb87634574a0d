using Connectors.QueueWorker.Callbacks;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Tests;

public sealed class CallbackPolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly CallbackPolicy Policy = new(TimeSpan.FromHours(24), TimeSpan.FromSeconds(5), TimeSpan.FromHours(1), new Random(1));

    [Theory]
    [InlineData(0, CallbackEnd.Retry)]
    [InlineData(200, CallbackEnd.Delivered)]
    [InlineData(299, CallbackEnd.Delivered)]
    [InlineData(301, CallbackEnd.Refused)]
    [InlineData(400, CallbackEnd.Refused)]
    [InlineData(404, CallbackEnd.Refused)]
    [InlineData(408, CallbackEnd.Retry)]
    [InlineData(410, CallbackEnd.Refused)]
    [InlineData(425, CallbackEnd.Retry)]
    [InlineData(429, CallbackEnd.Retry)]
    [InlineData(500, CallbackEnd.Retry)]
    [InlineData(508, CallbackEnd.Refused)]
    [InlineData(599, CallbackEnd.Retry)]
    public void Each_answer_has_one_end(int status, object end) =>
        Assert.Equal((CallbackEnd)end, Policy.Decide(new CallbackAnswer(status), Record(1), Now).End);

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 10)]
    [InlineData(5, 80)]
    [InlineData(11, 3600)]
    [InlineData(500, 3600)]
    public void Waits_double_up_to_an_hour(int attempt, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy.Decide(new CallbackAnswer(500), Record(attempt), Now).After);

    // Further ahead than a retry may be: a clock is wrong. One nak stands for the longest wait, then it is posted.
    [Theory]
    [InlineData(-1, 1, null)]
    [InlineData(3600, 1, 3600)]
    [InlineData(3600, 2, 3600)]
    [InlineData(3601, 2, 3601)]
    [InlineData(3660, 1, 3660)]
    [InlineData(3661, 1, 3600)]
    [InlineData(3661, 2, null)]
    [InlineData(10_800, 1, 3600)]
    [InlineData(10_800, 2, null)]
    public void A_record_waits_no_longer_than_a_retry_may(int aheadInSeconds, int count, int? waitInSeconds) =>
        Assert.Equal(waitInSeconds, Policy.Wait(Record(2) with { NotBefore = Now.AddSeconds(aheadInSeconds) }, count, Now)?.TotalSeconds);

    [Theory]
    [InlineData(1, 60, 60)]
    [InlineData(1, 1, 5)]
    [InlineData(1, -5, 5)]
    [InlineData(1, 99_999, 3600)]
    [InlineData(8, 1, 640)]
    [InlineData(8, 639, 640)]
    [InlineData(8, 641, 641)]
    [InlineData(8, 99_999, 3600)]
    [InlineData(500, 1, 3600)]
    public void Retry_after_makes_a_wait_longer_within_bounds_and_never_shorter(int attempt, int asked, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Policy.Decide(new CallbackAnswer(503, RetryAfter: TimeSpan.FromSeconds(asked)), Record(attempt), Now).After);

    [Theory]
    [InlineData(false, 1, 1, 2)]
    [InlineData(false, 50, 1, 2)]
    [InlineData(true, 1, 2.5, 5)]
    [InlineData(true, 3, 10, 20)]
    [InlineData(true, 5, 30, 60)]
    [InlineData(true, 5000, 30, 60)]
    public void What_a_slow_receiver_has_no_slot_for_is_put_off_for_longer_and_longer(bool isSlow, int count, double least, double most)
    {
        for (var i = 0; i < 100; i++)
        {
            Assert.InRange(Policy.PutOff(Record(1), count, isSlow, 0, Now).TotalSeconds, least, most);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_put_off_comes_again_when_it_is_too_old(bool isSlow)
    {
        var old = Record(1) with { Since = Now - TimeSpan.FromHours(24) + TimeSpan.FromSeconds(0.5) };

        var wait = Policy.PutOff(old, 9, isSlow, 0, Now);

        Assert.Equal(TimeSpan.FromSeconds(0.5), wait);
        Assert.True(Policy.IsTooOld(old, Now + wait));
    }

    [Fact]
    public void What_would_come_too_late_ends_now_and_what_our_rules_refuse_ends_at_once()
    {
        var old = Record(1) with { Since = Now - TimeSpan.FromHours(24) + TimeSpan.FromSeconds(4) };

        Assert.Equal(CallbackEnd.Expired, Policy.Decide(new CallbackAnswer(500), old, Now).End);
        Assert.Equal(CallbackEnd.Delivered, Policy.Decide(new CallbackAnswer(200), old, Now).End);
        Assert.Equal(CallbackEnd.Refused, Policy.Decide(new CallbackAnswer(0, IsRefused: true), Record(1), Now).End);
    }

    private static CallbackRecord Record(int attempt) => new() { Status = 200, Since = Now, Attempt = attempt };
}
