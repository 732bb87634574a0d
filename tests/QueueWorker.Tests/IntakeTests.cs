using Connectors.QueueWorker.Dispatching;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker.Tests;

public sealed class IntakeTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly Envelope Call = Bench.Call() with { Submitted = Now };
    private static readonly string Subject = StreamNames.CallSubject("q", Priority.Normal, Bench.Echo);

    private static readonly RetryPolicy Retry = RetryOptions.Defaults(5, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(2), BackOffKind.Full);

    [Theory]
    [InlineData(1, IntakeKind.Run)]
    [InlineData(6, IntakeKind.Run)]
    [InlineData(7, IntakeKind.WorkerLost)]
    public void Six_deliveries_of_a_fresh_call_may_run(int count, object kind) => Assert.Equal((IntakeKind)kind, Judge(Call, count).Kind);

    [Theory]
    [InlineData(7, IntakeKind.Run)]
    [InlineData(8, IntakeKind.WorkerLost)]
    public void A_retry_copy_has_one_more_for_the_delivery_that_came_early(int count, object kind) =>
        Assert.Equal((IntakeKind)kind, Judge(Call with { NotBefore = Now }, count).Kind);

    [Theory]
    [InlineData(10_000, 1, IntakeKind.Early)]
    [InlineData(10_000, 100, IntakeKind.Early)]
    [InlineData(51, 1, IntakeKind.Early)]
    [InlineData(50, 1, IntakeKind.Run)]
    [InlineData(-1, 1, IntakeKind.Run)]
    public void A_call_whose_time_is_ahead_is_early_however_often_it_came(int aheadInMilliseconds, int count, object kind)
    {
        var intake = Judge(Call with { NotBefore = Now + TimeSpan.FromMilliseconds(aheadInMilliseconds) }, count);

        Assert.Equal((IntakeKind)kind, intake.Kind);
        Assert.Equal(TimeSpan.FromMilliseconds(Math.Max(0, aheadInMilliseconds)), intake.Wait);
    }

    // Clocks differ by some seconds, and what is a minute more than the longest wait may be right. Further ahead, its time was set, or is read, by a clock that
    // is wrong: one nak stands for the longest wait, then it runs. A delayed call is
    // looked at again after ten minutes, and not run before its time.
    [Theory]
    [InlineData(2, 121, 1, IntakeKind.Early, 121)]
    [InlineData(2, 121, 2, IntakeKind.Early, 121)]
    [InlineData(2, 180, 2, IntakeKind.Early, 180)]
    [InlineData(2, 181, 1, IntakeKind.Early, 120)]
    [InlineData(2, 181, 2, IntakeKind.Run, 0)]
    [InlineData(2, 10_800, 1, IntakeKind.Early, 120)]
    [InlineData(2, 10_800, 2, IntakeKind.Run, 0)]
    [InlineData(2, 120, 2, IntakeKind.Early, 120)]
    [InlineData(1, 10_800, 1, IntakeKind.Early, 600)]
    [InlineData(1, 10_800, 9, IntakeKind.Early, 600)]
    public void No_nak_is_longer_than_a_right_clock_would_have_it(int attempt, int aheadInSeconds, int count, object kind, int waitInSeconds)
    {
        var intake = Judge(Call with { Attempt = attempt, NotBefore = Now + TimeSpan.FromSeconds(aheadInSeconds) }, count);

        Assert.Equal(((IntakeKind)kind, TimeSpan.FromSeconds(waitInSeconds)), (intake.Kind, intake.Wait));
    }

    [Fact]
    public void A_retry_of_a_wrong_clock_waits_once_also_where_its_deliveries_do_not_count_because_a_stream_refused_records() =>
        Assert.Equal(IntakeKind.Run, Intake.Judge(Call with { Attempt = 2, NotBefore = Now + TimeSpan.FromHours(3) }, "", Subject, 1, 2, Retry, Now).Kind);

    [Fact]
    public void Deadline_and_greatest_age_win_over_everything_but_a_newer_version()
    {
        Assert.Equal(IntakeKind.Expired, Judge(Call with { Deadline = Now }, 99).Kind);
        Assert.Equal(IntakeKind.Run, Judge(Call with { Deadline = Now + TimeSpan.FromTicks(1) }, 1).Kind);
        Assert.Equal(IntakeKind.Expired, Judge(Call with { Submitted = Now - TimeSpan.FromMinutes(1), Retry = new RetrySettings { MaxAge = TimeSpan.FromMinutes(1) } }, 1).Kind);
        Assert.Equal(IntakeKind.Newer, Judge(Call with { Version = 2, Deadline = Now }, 99).Kind);
    }

    [Fact]
    public void A_greatest_age_of_zero_is_none_and_so_is_the_deadline_that_earlier_gateways_made_of_it()
    {
        var call = Call with { Submitted = Now - TimeSpan.FromMinutes(1), Retry = new RetrySettings { MaxAge = TimeSpan.Zero } };

        Assert.Equal(IntakeKind.Run, Judge(call, 1).Kind);
        Assert.Equal(IntakeKind.Run, Judge(call with { Deadline = call.Submitted }, 1).Kind);
    }

    [Fact]
    public void No_envelope_or_another_functions_subject_is_foreign()
    {
        Assert.Equal(IntakeKind.Foreign, Intake.Judge(null, "why", Subject, 1, 1, Retry, Now).Kind);
        Assert.Equal("why", Intake.Judge(null, "why", Subject, 1, 1, Retry, Now).Error);
        Assert.Equal(IntakeKind.Foreign, Judge(Call with { Function = "other" }, 1).Kind);
        Assert.Equal(IntakeKind.Foreign, Judge(Call with { Namespace = "other" }, 1).Kind);
    }

    private static Intake Judge(Envelope envelope, int count) => Intake.Judge(envelope, "", Subject, count, count, Retry, Now);
}
