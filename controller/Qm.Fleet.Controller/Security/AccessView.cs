using System.Collections.Immutable;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Operations;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Security;

/// <summary>What one call finds within the caller's scope: lists and watches show this, and nothing else.</summary>
/// <remarks>Roles are those of the moment: what is taken from somebody is out of sight also of a watch that goes on. One call uses it, one thing after the other.</remarks>
internal sealed class AccessView(AccessDesk desk, CallerIdentity caller, string verb, string resource)
{
    private readonly Dictionary<AccessTarget, bool> _judged = [];
    private AccessBook? _book;
    private ImmutableArray<AccessRule> _rules = [];
    private AccessReach _reach;

    /// <summary>Whether nothing is out of sight.</summary>
    public bool IsEverything
    {
        get
        {
            if (desk.Book is var book && book != _book)
            {
                (_book, _rules) = (book, book.RulesOf(caller));
                _reach = AccessPolicy.Reach(_rules, verb, resource);
                _judged.Clear();
            }
            return _reach == AccessReach.Everything;
        }
    }

    /// <summary>Whether a node lies in it, by the labels, the site and the fleet that the message has.</summary>
    public bool Sees(V1.Node node) =>
        IsEverything || Allows(new(node.Spec?.Site ?? "", node.Status?.Fleet ?? "", node.Metadata.Name, node.Metadata.Labels));

    /// <summary>Whether a node lies in it.</summary>
    /// <param name="node">As it is stored.</param>
    /// <param name="fleet">The fleet that has it; empty for none.</param>
    public bool Sees(StoredNode node, string fleet) => IsEverything || Allows(new(node.Site, fleet, node.Name, node.Labels));

    /// <summary>Whether a fleet lies in it, by the labels that the message has.</summary>
    public bool Sees(V1.Fleet fleet) => IsEverything || Allows(new(Fleet: fleet.Metadata.Name, Labels: fleet.Metadata.Labels));

    /// <summary>Whether a revision's fleet lies in it.</summary>
    public bool Sees(V1.Revision revision) => SeesNamed(new(Fleet: revision.Fleet));

    /// <summary>Whether a rollout's fleet lies in it.</summary>
    public bool Sees(V1.Rollout rollout) => SeesNamed(new(Fleet: rollout.Fleet));

    /// <summary>Whether what an event is about lies in it; what is about nothing of a fleet is for those who see everything.</summary>
    public bool Sees(V1.Event told) => SeesNamed(new(Fleet: told.Fleet, Node: told.Node, Unit: told.Unit));

    /// <summary>Whether the node lies in it that somebody asks to be, or is.</summary>
    public bool Sees(V1.Enrollment enrollment) => SeesNamed(new(Node: enrollment.Node));

    /// <summary>Whether what was asked for concerns something that lies in it.</summary>
    public bool Sees(AnyOperation operation) =>
        SeesNamed(operation.OfUnit is { } asked ? new(Node: asked.Node, Unit: asked.Unit)
            : NodeRemoval.NodeOf(operation.Rollout!.Fleet) is { } leaving ? new(Node: leaving)
            : new(Fleet: operation.Rollout.Fleet));

    /// <summary>Has the next thing be judged by what is stored then; for a call that goes on.</summary>
    public void Forget() => _judged.Clear();

    /// <summary>What is answered to somebody who names a thing that lies outside.</summary>
    /// <param name="name">How the request names it.</param>
    public RpcException Outside(string name) => Failures.Make(
        Code.PermissionDenied, "FORBIDDEN", $"{caller.Actor} may {verb} {resource} within a scope only, and {name} lies outside of it.");

    private bool SeesNamed(AccessTarget target)
    {
        if (IsEverything)
        {
            return true;
        }
        if (!_judged.TryGetValue(target, out var isSeen))
        {
            // Nobody knows any more whether a denial held for what is gone.
            isSeen = desk.Stored(target) is { } stored ? Allows(stored) : Allows(target) && !_rules.Any(rule => rule.Effect == AccessEffect.Deny && rule.IsAbout(verb, resource));
            _judged.Add(target, isSeen);
        }
        return isSeen;
    }

    private bool Allows(AccessTarget target) => AccessPolicy.Allows(_rules, verb, resource, target);
}
