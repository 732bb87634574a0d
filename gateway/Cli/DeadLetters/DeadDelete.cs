using System.CommandLine;
using System.Net;
using Connectors.Cli.Api;
using Connectors.Cli.Printing;

namespace Connectors.Cli.DeadLetters;

/// <summary><c>dead delete</c>: removes dead letters for good.</summary>
internal static class DeadDelete
{
    private static readonly Argument<string> Queue = Inputs.Queue();
    private static readonly Argument<ulong[]> Seqs = Inputs.Seqs("Numbers of dead letters");
    private static readonly Option<bool> All = new("--all") { Description = "All that are there now, or all that the options name" };

    public static Command Create()
    {
        var command = new Command("delete", "Removes dead letters for good")
        {
            Queue, Seqs, All, DeadFilter.FunctionOption, DeadFilter.ReasonOption, DeadFilter.SinceOption, DeadFilter.UntilOption, DeadFilter.TagOption, DeadFilter.DryRun, SharedOptions.Yes,
        };
        command.Does(RunAsync);
        return command;
    }

    private static async Task RunAsync(Session session, CancellationToken ct)
    {
        var filter = DeadFilter.Of(session, Queue);
        var seqs = session.Value(Seqs);
        if (session.Value(All) == seqs.Length > 0 || (seqs.Length > 0 && (!filter.IsAll || session.Value(DeadFilter.DryRun))))
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
            await DeleteAsync(session, filter, seqs, ct);
            return;
        }

        ulong[]? found = null;
        await session.ConfirmAsync(async () => $"Delete {(found = await FindAsync(session, filter, ct)).Length} dead letters of {filter} for good?", ct);
        await DeleteAsync(session, filter, found ?? await FindAsync(session, filter, ct), ct);
    }

    // What dies while the question stands is not part of the answer.
    private static async Task<ulong[]> FindAsync(Session session, DeadFilter filter, CancellationToken ct)
    {
        var seqs = new List<ulong>();
        await foreach (var page in DeadPage.ReadAsync(session, filter, 0, long.MaxValue, ct))
        {
            seqs.AddRange(page.Items.Select(item => (ulong)item["seq"]!));
        }

        return [.. seqs];
    }

    private static async Task DeleteAsync(Session session, DeadFilter filter, ulong[] seqs, CancellationToken ct)
    {
        var progress = new ProgressLine(session.Error, TimeProvider.System);
        var deleted = 0;
        foreach (var seq in seqs)
        {
            using var answer = await session.Gateway.SendAsync(HttpMethod.Delete, QueuePath.Dead(filter.Queue, seq), null, ct);
            if (answer.IsSuccessStatusCode)
            {
                deleted++;
            }
            else if (!session.Value(All) || answer.StatusCode != HttpStatusCode.NotFound)
            {
                throw await session.Gateway.RefusalAsync(answer, ct);
            }

            if (seqs.Length > 1)
            {
                progress.Tell($"{deleted} of {seqs.Length} deleted");
            }
        }

        progress.End();
        if (!session.IsJson)
        {
            session.Out.WriteLine($"{deleted} dead letters of {filter} are gone.");
        }
    }
}
