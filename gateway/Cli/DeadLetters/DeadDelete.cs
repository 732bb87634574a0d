using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;
using Connectors.Cli.Printing;

namespace Connectors.Cli.DeadLetters;

/// <summary><c>dead delete</c>: removes dead letters for good, those that are named or all of a kind.</summary>
internal static class DeadDelete
{
    // As many as the gateway deletes well within the time that an answer may take.
    private const string PartSize = "1000";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Argument<ulong[]> Seqs = Inputs.Seqs("Numbers of dead letters");
    private static readonly Option<bool> All = new("--all") { Description = "All that are there now, or all that the options name" };

    public static Command Create()
    {
        var command = new Command("delete", "Removes dead letters for good")
        {
            Queue, Seqs, All, DeadFilter.FunctionOption, DeadFilter.ReasonOption, DeadFilter.SinceOption, DeadFilter.UntilOption, DeadFilter.TagOption, SharedOptions.DryRun, SharedOptions.Yes,
        };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var filter = DeadFilter.Of(session, Queue);
        var seqs = session.Value(Seqs);
        if (session.Value(All) == seqs.Length > 0 || (seqs.Length > 0 && (!filter.IsAll || session.Value(SharedOptions.DryRun))))
        {
            throw CommandFailure.Usage("Either numbers of dead letters, or --all, with or without --function, --reason, --since, --until and --tag.");
        }

        if (await filter.IsDryRunAsync(session, ct))
        {
            return;
        }

        if (seqs.Length > 0)
        {
            await session.ConfirmAsync(() => Task.FromResult($"Delete {seqs.Length} dead letters of {filter} for good?"), ct);
            await TellAsync(session, filter, deletion => DeleteAsync(session, deletion, seqs, ct));
            return;
        }

        DeadCount? counted = null;
        await session.ConfirmAsync(async () => $"Delete {(counted = await filter.CountAsync(session, ct)).Letters} dead letters of {filter} for good?", ct);
        var meant = counted ?? await filter.CountAsync(session, ct);
        await TellAsync(session, filter, deletion => DeleteAllAsync(session, deletion, meant, ct));
    }

    private static async Task DeleteAsync(Session session, Deletion deletion, ulong[] seqs, CancellationToken ct)
    {
        await foreach (var _ in NamedLetters.AskAsync(session, seqs, HttpMethod.Delete, seq => ApiPath.Dead(deletion.Filter.Queue, seq), Tell, ct))
        {
            deletion.Took(1);
            if (seqs.Length > 1)
            {
                deletion.Tell($"{seqs.Length}");
            }
        }

        void Tell(string refusal)
        {
            deletion.End();
            session.Error.WriteLine(refusal);
        }
    }

    // What dies while the question stands, or while it goes on, is not meant. A part that was broken off has deleted some, and is asked for again.
    private static async Task DeleteAllAsync(Session session, Deletion deletion, DeadCount meant, CancellationToken ct)
    {
        if (meant.Letters is { Count: 0, IsComplete: true })
        {
            return;
        }

        var filter = deletion.Filter;
        var endurance = new Endurance(TimeProvider.System);
        for (ulong? next = 0; next is { } after;)
        {
            var part = ApiPath.Query(
                [
                    .. filter.Query,
                    ("all", filter.IsAll ? "true" : null),
                    ("last", meant.Last.ToString(CultureInfo.InvariantCulture)),
                    ("limit", PartSize),
                    ("after", after.ToString(CultureInfo.InvariantCulture)),
                ]);
            try
            {
                var answer = await session.Gateway.JsonAsync(HttpMethod.Delete, $"{ApiPath.Of(filter.Queue)}/dead{part}", null, ct);
                endurance.Answered();
                deletion.Took(answer.Need("deleted").As<long>());
                deletion.Tell($"{meant.Letters}");
                next = answer.Find("next")?.As<ulong>();
            }
            catch (CommandFailure failure) when (endurance.Bears(failure))
            {
                deletion.BrokeOff();
                deletion.Tell($"{meant.Letters}", "waiting for the gateway");
                await Task.Delay(Look, TimeProvider.System, ct);
            }
        }
    }

    // How many are gone is said however it ends.
    private static async Task TellAsync(Session session, DeadFilter filter, Func<Deletion, Task> delete)
    {
        var deletion = new Deletion(filter, new ProgressLine(session.Error, TimeProvider.System));
        try
        {
            await delete(deletion);
        }
        catch (CommandFailure failure) when (deletion.HasBegun)
        {
            deletion.End();
            throw new CommandFailure($"{failure.Message} {deletion}", failure.ExitCode);
        }
        catch (OperationCanceledException)
        {
            deletion.End();
            session.Error.WriteLine(deletion);
            throw;
        }

        deletion.End();
        if (!session.IsJson)
        {
            session.Out.WriteLine(deletion);
        }
        else if (session.Value(All))
        {
            session.Print(new JsonObject { ["deleted"] = deletion.Count });
        }
    }

    /// <summary>How far a deletion is, for whoever waits for it.</summary>
    private sealed class Deletion(DeadFilter filter, ProgressLine progress)
    {
        // False once a part's answer is lost, which has deleted nobody knows how many.
        private bool _isExact = true;

        public DeadFilter Filter => filter;

        public long Count { get; private set; }

        public bool HasBegun => Count > 0 || !_isExact;

        public void Took(long letters) => Count += letters;

        public void BrokeOff() => _isExact = false;

        public void Tell(string of, string? what = null) => progress.Tell($"{Gone} of {of} deleted{(what is null ? "" : $", {what}")}");

        public void End() => progress.End();

        public override string ToString() => $"{Gone} dead letters of {filter} are gone.";

        private Counted Gone => new(Count, _isExact);
    }
}
