using System.CommandLine;
using Connectors.Cli.Calls;
using Connectors.Cli.Completion;
using Connectors.Cli.DeadLetters;
using Connectors.Cli.Migration;
using Connectors.Cli.Queues;
using Connectors.Cli.Redrives;
using Connectors.Cli.Starting;

namespace Connectors.Cli;

/// <summary>The sub-commands.</summary>
internal static class CommandTree
{
    public static RootCommand Create()
    {
        var root = new RootCommand("Looks at a gateway's queues, dead letters and calls, and acts on them. Exit code 0: done; 1: the gateway refused or is away; 2: bad usage.")
        {
            Up.Create(),
            QueueList.Create(),
            QueueStats.Create(),
            QueueTop.Create(),
            new Command("queue", "Queues: what lies in them, and whether calls are started")
            {
                QueueList.Create(),
                QueuePause.CreatePause(),
                QueuePause.CreateResume(),
            },
            DelayedList.Create(),
            QueuePurge.Create(),
            new Command("dead", "Calls and callbacks that were given up")
            {
                DeadList.Create(),
                DeadShow.Create(),
                DeadRedrive.Create(),
                DeadEdit.Create(),
                DeadDelete.Create(),
            },
            new Command("redrives", "Redrives of many dead letters, which go on in the gateway")
            {
                RedriveList.Create(),
                RedriveShow.Create(),
                RedriveCancel.Create(),
            },
            new Command("calls", "What became of calls, and an end to those that wait")
            {
                CallList.Create(),
                CallShow.Create(),
                CallCancelMany.Create(),
            },
            CallCancel.Create(),
            CallResult.Create(),
            Migrate.Create(),
            CompletionScript.Create(),
        };
        SharedOptions.AddTo(root);
        return root;
    }
}
