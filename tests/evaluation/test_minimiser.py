import torch

from workbench.evaluation.minimiser import Problems, minimise


def test_the_gradient_by_hand():
    rows = torch.tensor([[[2.0, 1.0], [-1.0, 1.0]]])  # one feature and the intercept
    target = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    problem = Problems(rows, target, torch.full((1, 1, 2), 0.5), torch.tensor([[0.1]]))
    w = torch.tensor([3.0, 0.0]).view(1, 1, 1, 2)
    gradient = problem.slope(w)
    assert problem.logits(w).flatten().tolist() == [6.0, -3.0]
    a, b = torch.sigmoid(torch.tensor([6.0, -3.0]))
    expected = [0.5 * ((a - 1) * 2 - b) + 0.1 * 3, 0.5 * ((a - 1) + b)]
    torch.testing.assert_close(gradient.flatten(), torch.stack(expected))


def test_gives_up_after_the_last_step_and_says_so():
    torch.manual_seed(0)
    rows = torch.cat([torch.randn(1, 20, 5), torch.ones(1, 20, 1)], dim=2)
    target = (rows[..., :1] + torch.randn(1, 20, 1) > 0).float().view(1, 1, 1, 20)
    problem = Problems(rows, target, torch.full((1, 1, 20), 1 / 20), torch.tensor([[1e-3]]))
    start = torch.zeros(1, 1, 1, 6)
    _, reached = minimise(problem, start, most_steps=1)
    assert not reached.any()
    found, reached = minimise(problem, start)
    assert reached.all()
    assert problem.slope(found).abs().max() < 1e-3


def test_hard_and_easy_problems_side_by_side_equal_each_alone():
    torch.manual_seed(1)
    rows = torch.cat([torch.randn(3, 30, 6), torch.ones(3, 30, 1)], dim=2)
    target = torch.nn.functional.one_hot(torch.randint(0, 3, (3, 30)), 3).float().transpose(1, 2).unsqueeze(1)
    penalty = torch.tensor([3.0, 1.0, 1e-2, 1e-4]).expand(3, 4).contiguous()
    mass = torch.full((3, 4, 30), 1 / 30)
    together, reached = minimise(Problems(rows, target, mass, penalty), torch.zeros(3, 4, 3, 7))
    assert reached.all()
    for draw in range(3):
        for column in range(4):
            alone = Problems(
                rows[draw : draw + 1],
                target[draw : draw + 1],
                mass[draw : draw + 1, column : column + 1],
                penalty[draw : draw + 1, column : column + 1],
            )
            found, _ = minimise(alone, torch.zeros(1, 1, 3, 7))
            chances = [torch.softmax(rows[draw] @ w.T, dim=-1) for w in (found[0, 0], together[draw, column])]
            assert (chances[0] - chances[1]).abs().max() < (2e-3 if column < 3 else 2e-2)
